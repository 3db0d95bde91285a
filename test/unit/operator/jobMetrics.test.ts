import { describe, expect, it } from '@jest/globals';
import { countPhases, endBetween } from '../../../src/operator/jobMetrics.js';

describe('countPhases', () => {
  it('counts what phases mean, and those without one', () => {
    const objects = (['running', 'running', 'succeeded', 'unknown', 'none'] as const).map((phase) => ({
      phase,
    }));

    expect(Object.fromEntries(countPhases(objects))).toEqual({
      initializing: 0,
      running: 2,
      succeeded: 1,
      failed: 0,
      unknown: 1,
      none: 1,
    });
  });
});

describe('endBetween', () => {
  const times = { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:07:30Z' };

  it.each([
    ['the end of a job', { phase: 'Running' }, { phase: 'Success', ...times }, 'succeeded'],
    ['a first poll of a job that has failed', {}, { phase: 'Failed', ...times }, 'failed'],
  ] as const)('observe of %s how long it took', (_, before, after, outcome) => {
    expect(endBetween(before, after)).toEqual({ outcome, seconds: 450 });
  });

  it.each([
    ['a job that goes on', { phase: 'Running' }, { phase: 'Running', ...times }],
    ['a job that had ended before', { phase: 'Success' }, { phase: 'Success', ...times }],
    ['a job without times', { phase: 'Running' }, { phase: 'Success' }],
    [
      'clocks that go backwards',
      { phase: 'Running' },
      { phase: 'Success', startTime: times.completionTime, completionTime: times.startTime },
    ],
  ])('observe nothing of %s', (_, before, after) => {
    expect(endBetween(before, after)).toBeUndefined();
  });
});
