import { describe, expect, it } from '@jest/globals';
import { adaptive, fixedInterval, RIVALS, simulatedJobs } from '../../../scripts/docs/pollingSimulation.js';
import { DEFAULT_POLLING } from '../../../src/reconcile/schedule.js';

/** Not the seed of the printed tables: the claims must not hang on it. */
const SEEDS = [2, 3, 4];

describe('what docs/polling.md claims', () => {
  it.each(SEEDS.flatMap((seed) => RIVALS.map((rival) => [rival.seconds, seed, rival.polling] as const)))(
    'holds against a poll every %i s (seed %i): fewer calls, and changes are seen earlier',
    (seconds, seed, polling) => {
      const jobs = simulatedJobs(seed);

      const fixed = fixedInterval(seconds, jobs, seed);
      const ours = adaptive(polling, jobs, seed);

      expect(ours.calls).toBeLessThan(fixed.calls);
      expect(ours.mean).toBeLessThan(fixed.mean);
      if (seconds !== 30) expect(ours.end).toBeLessThan(fixed.end);
    },
  );

  it('is about the default where it says so', () => {
    expect(RIVALS.find(({ seconds }) => seconds === 15)?.polling).toEqual(DEFAULT_POLLING);
  });
});

describe('the simulation', () => {
  it('lets a fixed interval be late by half of itself', () => {
    const { mean, p95, end } = fixedInterval(20, simulatedJobs(2), 2);

    expect(mean).toBeCloseTo(10, 0);
    expect(p95).toBeCloseTo(19, 0);
    expect(end).toBeCloseTo(10, 0);
  });

  it('makes jobs of the durations seen on the cloud', () => {
    const minutes = simulatedJobs(2).map(({ kind, changes }) => [kind, (changes.at(-1) ?? 0) / 60] as const);
    const range = (kind: string) => {
      const ofKind = minutes.flatMap(([name, length]) => (name === kind ? [length] : []));
      return [Math.floor(Math.min(...ofKind)), Math.ceil(Math.max(...ofKind))];
    };

    expect([range('cluster'), range('node'), range('delete')]).toEqual([
      [6, 10],
      [5, 12],
      [1, 3],
    ]);
  });
});
