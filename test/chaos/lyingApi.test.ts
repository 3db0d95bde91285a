import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import type { KubeObject } from '../support/kubeClient.js';
import { LyingApi, type Lies } from '../support/lyingApi.js';
import { chance } from '../support/seed.js';
import { until } from '../support/until.js';
import { has, World } from '../support/world.js';

const LIES: Lies = {
  refuse: 0.1,
  swallow: 0.1,
  staleList: 0.5,
  drop: 0.1,
  double: 0.2,
  swap: 0.2,
  cut: 0.1,
  expire: 0.1,
};
const JOBS = 30;
const ROUNDS = 5;

function changesOf(events: readonly string[]): number {
  return events.filter((event) => event.startsWith('PhaseChanged')).length;
}

/** The changes to a phase that does not end the job, as the API server has stored them, each once. */
function storedChanges(versions: readonly KubeObject[]): ReadonlySet<string> {
  const phases = versions.map(({ status }) => status?.phase).filter((phase) => phase !== undefined);
  const changes = new Set<string>();
  for (const [index, phase] of phases.entries()) {
    const before = phases[index - 1];
    if (before !== undefined && before !== phase && phase !== 'Success') changes.add(`${before} to ${phase}`);
  }
  return changes;
}

describe('an API server that lies', () => {
  const { seed, random } = chance();
  let world: World;
  let liar: LyingApi;
  beforeAll(async () => {
    world = await World.start(async (upstream) => {
      liar = new LyingApi(upstream, random);
      return liar.start();
    });
  }, 90_000);
  afterAll(async () => {
    await world?.stop();
    await liar?.stop();
  }, 60_000);

  it(`makes nothing wrong be written, and all is well when it tells the truth (seed ${seed})`, async () => {
    const namespace = await world.namespace();
    const jobIDs = Array.from({ length: JOBS }, (_, index) => `lied-to-${index}`);
    const setPhases = (phase: string): void => {
      // An operator that has lost an object reads from the cloud's times for how long its job is unchanged.
      const updated = new Date().toISOString();
      for (const jobID of jobIDs) world.cloud.answer(jobID, reports({ uid: jobID, phase, updated }));
    };
    setPhases('Initializing');
    await world.startOperator();
    liar.lie(LIES);

    const refs = await Promise.all(jobIDs.map((jobID) => world.follow(namespace, jobID)));
    const told = (): number => Object.values(liar.told).reduce((sum, times) => sum + times, 0);
    for (let round = 0; round < ROUNDS || told() < JOBS; round += 1) {
      setPhases(round % 2 === 0 ? 'Running' : 'Paused');
      const written = world.cloud.requests(jobIDs[0] ?? '').length;
      await Promise.all(
        refs
          .filter((_, index) => index % ROUNDS === round % ROUNDS)
          .map((ref) => world.patch(ref, { metadata: { labels: { round: String(round) } } })),
      );
      // Objects whose birth was swallowed are not polled until the next list.
      await until(
        'some of the jobs to be polled again',
        () =>
          world.operator.exit !== undefined ||
          jobIDs.filter((jobID) => world.cloud.requests(jobID).length > written).length > JOBS / 4,
        60_000,
      );
      expect(world.operator.exit).toBeUndefined();
    }
    setPhases('Success');
    liar.repent();

    for (const ref of refs) {
      await world.untilStatus(ref, 'is Success', (status) => has(status, 'Ready', 'True'), 60_000);
    }
    // What was announced from a stale object, and then lost its race, may have been reported as well.
    for (const ref of refs) {
      let events: readonly string[] = [];
      await until(
        'each change that was stored to have its event',
        async () => {
          events = await world.events(ref);
          return events.includes('Succeeded') && changesOf(events) >= storedChanges(world.versions(ref)).size;
        },
        60_000,
        () =>
          `${ref.name} has ${events.join(', ')}; stored: ${[...storedChanges(world.versions(ref))].join(', ')}`,
      );
      expect(events.filter((event) => !event.startsWith('PhaseChanged')).toSorted()).toEqual([
        'Observed',
        'Succeeded',
      ]);
    }
  }, 180_000);
});
