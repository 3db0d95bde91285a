import { CREATED } from '../../support/cloudJobs.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { REACTIONS } from '../../../src/cloud/reactions.js';
import { pollAfterMs, retryAfterMs, isSameState, unchangedSince } from '../../../src/reconcile/schedule.js';
import { failureOf } from '../../../src/cloud/observation.js';
import type { CredentialsReason, Observation } from '../../../src/cloud/observation.js';
import { failed } from '../../support/cloudJobs.js';

const POLLING = { minSeconds: 2, maxSeconds: 60 };
const MIDDLE = 0.5;
const seconds = (count: number): number => count * 1000;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function noCredentials(reason: CredentialsReason): Observation {
  return { kind: 'noCredentials', reason, message: 'none' };
}

describe('pollAfterMs', () => {
  it.each([
    ['at first', 0, 2],
    ['after two quiet seconds', 2, 4],
    ['after six', 6, 8],
    ['after a quiet minute', 60, 20],
    ['after ten quiet minutes', 600, 20],
    ['after twenty', 1_200, 40],
    ['after a quiet day', 86_400, 60],
    ['with a clock that went backwards', -100, 2],
  ])('grows with the time in which nothing changed: %s', (_, quiet, expected) => {
    expect(pollAfterMs(seconds(quiet), undefined, POLLING, MIDDLE)).toBe(seconds(expected));
  });

  it('keeps to the minimum and the maximum, and never shrinks while nothing changes', () => {
    const bounds = fc
      .tuple(fc.integer({ min: 1, max: 3600 }), fc.integer({ min: 1, max: 86_400 }))
      .map(([one, other]) => ({ minSeconds: Math.min(one, other), maxSeconds: Math.max(one, other) }));
    fc.assert(
      fc.property(bounds, fc.nat(100_000), fc.nat(100_000), (polling, quiet, more) => {
        const wait = pollAfterMs(seconds(quiet), undefined, polling, MIDDLE);

        expect(wait).toBeGreaterThanOrEqual(seconds(polling.minSeconds));
        expect(wait).toBeLessThanOrEqual(seconds(polling.maxSeconds));
        expect(pollAfterMs(seconds(quiet + more), undefined, polling, MIDDLE)).toBeGreaterThanOrEqual(wait);
      }),
    );
  });

  it.each([
    ['as the spec says', 300, 300],
    ["not below the operator's minimum", 1, 2],
  ])('takes the interval of the spec: %s', (_, interval, expected) => {
    expect(pollAfterMs(seconds(600), interval, POLLING, MIDDLE)).toBe(seconds(expected));
  });

  it('spreads waits by 15 % in both directions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 86_400 }), random, (interval, share) => {
        const wait = pollAfterMs(0, interval, POLLING, share);

        expect(wait).toBeGreaterThanOrEqual(seconds(interval) * 0.85 - 1);
        expect(wait).toBeLessThanOrEqual(seconds(interval) * 1.15 + 1);
      }),
    );
    expect(pollAfterMs(0, 100, POLLING, 0)).toBeCloseTo(85_000);
  });
});

const HELD_BACK: Observation = {
  kind: 'error',
  error: { class: 'transient', message: 'held back', local: true },
};

describe('retryAfterMs', () => {
  it.each([
    [failed('transient'), [2, 4, 8, 10, 10, 10, 10]],
    [HELD_BACK, [2, 4, 8, 16, 32, 60, 60]],
    [failed('malformed'), [2, 4, 8, 16, 32, 60, 60]],
    [failed('throttled'), [5, 10, 20, 40, 60, 60, 60]],
    [failed('unauthorized'), [5, 10, 10, 10, 10, 10, 10]],
    [failed('forbidden'), [15, 30, 60, 120, 120, 120, 120]],
    [noCredentials('CredentialsNotFound'), [2, 4, 8, 16, 30, 30, 30]],
    [noCredentials('CredentialsRequired'), [30, 60, 120, 240, 300, 300, 300]],
  ] as const)('doubles the wait up to a limit: %j', (finding, expected) => {
    const retry = failureOf(finding)!.retry;
    const waits = expected.map((_, index) => retryAfterMs(retry, index + 1, undefined, POLLING, MIDDLE));

    expect(waits).toEqual(expected.map(seconds));
  });

  it('stays at its limit however long it fails', () => {
    expect(retryAfterMs(REACTIONS.malformed.retry, 1_000_000, undefined, POLLING, MIDDLE)).toBe(seconds(60));
  });

  it("is never shorter than the operator's minimum", () => {
    expect(
      retryAfterMs(REACTIONS.notFound.retry, 1, undefined, { minSeconds: 20, maxSeconds: 60 }, MIDDLE),
    ).toBe(seconds(20));
  });

  it('is never shorter than the cloud demands, not even by jitter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), random, fc.nat(10_000_000), (failures, share, floor) => {
        expect(
          retryAfterMs(REACTIONS.throttled.retry, failures, floor, POLLING, share),
        ).toBeGreaterThanOrEqual(floor);
      }),
    );
  });
});

const at = (after: number): string => new Date(CREATED + seconds(after)).toISOString();

describe('unchangedSince', () => {
  it.each([
    ['when the job changed', { updateTime: at(10) }, 10],
    ['when its last sub-job changed', { updateTime: at(10), subJobs: [{ updateTime: at(25) }] }, 25],
    ['now, without times', { subJobs: [{ type: 'CreateNode' }] }, 30],
    ['now, by a cloud whose clock is ahead', { updateTime: at(60) }, 30],
    ['now, by a time that is none', { updateTime: 'soon' }, 30],
  ])('is %s', (_, job, since) => {
    expect(unchangedSince(job, CREATED + 30_000)).toBe(CREATED + seconds(since));
  });
});

describe('isSameState', () => {
  const job = {
    phase: 'Running',
    updateTime: at(1),
    subJobs: [{ id: 'a', phase: 'Running', updateTime: at(1) }],
  };

  it('ignores the times of update, those of sub-jobs included', () => {
    const touched = {
      ...job,
      updateTime: at(2),
      subJobs: [{ id: 'a', phase: 'Running', updateTime: at(2) }],
    };

    expect(isSameState(job, touched)).toBe(true);
  });

  it.each([
    ['another phase', { ...job, phase: 'Success' }],
    ['another sub-job', { ...job, subJobs: [{ id: 'b', phase: 'Running', updateTime: at(1) }] }],
    ['a sub-job in another phase', { ...job, subJobs: [{ id: 'a', phase: 'Success', updateTime: at(1) }] }],
    ['no sub-jobs', { phase: 'Running', updateTime: at(1) }],
  ])('sees %s', (_, other) => {
    expect(isSameState(job, other)).toBe(false);
  });
});
