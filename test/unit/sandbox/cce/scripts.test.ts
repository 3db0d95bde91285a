import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { goTime } from '../../../../src/sandbox/cce/goTime.js';
import { framesOf } from '../../../../src/sandbox/cce/plan.js';
import { cloudID, seededRandom } from '../../../../src/sandbox/cce/random.js';
import { randomPlan } from '../../../../src/sandbox/cce/randomPlan.js';
import { idsOf, scriptSchema } from '../../../../src/sandbox/cce/script.js';
import type { JobTree } from '../../../../src/sandbox/cce/script.js';
import { CloudTime } from '../../../../src/sandbox/cce/time.js';
import { FakeClock } from '../../../support/fakeClock.js';

function phases(tree: JobTree | null): (string | undefined)[] {
  return tree === null ? [] : [tree.phase, ...(tree.subJobs ?? []).flatMap(phases)];
}

function depth(tree: JobTree | null): number {
  return tree === null ? 0 : 1 + Math.max(0, ...(tree.subJobs ?? []).map(depth));
}

describe('a plan', () => {
  it('becomes one frame for each moment at which something changes', () => {
    const plan = {
      id: 'root',
      type: 'CreateCluster',
      from: 2,
      to: 9,
      subJobs: [
        { id: 'a', type: 'CreatePSMCert', from: 2, to: 4 },
        { id: 'b', type: 'InstallMaster', from: 4, to: 8 },
      ],
    };

    const frames = framesOf(plan);

    expect(frames.map(({ at, tree }) => [at, ...phases(tree)])).toEqual([
      [0, 'Initializing'],
      [2, 'Running', 'Running', 'Initializing'],
      [4, 'Running', 'Success', 'Running'],
      [8, 'Running', 'Success', 'Success'],
      [9, 'Success', 'Success', 'Success'],
    ]);
  });

  it('never begins what would come after the end', () => {
    const plan = {
      id: 'root',
      type: 'CreateNode',
      from: 0,
      to: 5,
      outcome: 'Failed' as const,
      reason: 'no quota',
      subJobs: [{ id: 'late', type: 'InstallNode', from: 6, to: 9 }],
    };

    const last = framesOf(plan).at(-1);

    expect(last).toMatchObject({ at: 5, tree: { phase: 'Failed', reason: 'no quota' } });
    expect(phases(last?.tree ?? null)).toEqual(['Failed', 'Initializing']);
  });
});

describe('a random plan', () => {
  it('is the same for the same seed', () => {
    expect(randomPlan(seededRandom(7))).toEqual(randomPlan(seededRandom(7)));
    expect(randomPlan(seededRandom(7))).not.toEqual(randomPlan(seededRandom(8)));
  });

  it('is a script that begins with Initializing, keeps its IDs apart, and ends at its time', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 10, max: 600 }), (seed, durationSeconds) => {
        const plan = randomPlan(seededRandom(seed), { durationSeconds });
        const frames = framesOf(plan);
        const last = frames.at(-1)?.tree ?? null;
        const ids = last === null ? [] : idsOf(last);

        expect(scriptSchema.safeParse({ projectID: 'p', frames }).success).toBe(true);
        expect(frames[0]?.tree?.phase).toBe('Initializing');
        expect(new Set(ids).size).toBe(ids.length);
        expect(depth(last)).toBeLessThanOrEqual(3);
        expect(['Success', 'Failed']).toContain(last?.phase);
        expect(plan.to).toBeLessThanOrEqual(durationSeconds + 0.1);
      }),
      { numRuns: 200 },
    );
  });

  it('has a failed leaf with a reason of its own wherever the whole has failed', () => {
    const failed = Array.from({ length: 50 }, (_, seed) =>
      framesOf(randomPlan(seededRandom(seed), { failing: 1 })),
    );

    for (const frames of failed) {
      const last = frames.at(-1)?.tree ?? null;
      expect(last?.phase).toBe('Failed');
      expect(deepestReasons(last)).toContainEqual(expect.stringMatching(/\w/));
    }
  });
});

function deepestReasons(tree: JobTree | null): (string | undefined)[] {
  if (tree === null) return [];
  const parts = tree.subJobs ?? [];
  if (parts.length === 0) return tree.phase === 'Failed' ? [tree.reason] : [];
  return parts.flatMap(deepestReasons);
}

describe('an ID of the cloud', () => {
  it('looks like UUIDv1 from its machines, and has 37 characters now and then', () => {
    const random = seededRandom('ids');
    const ids = Array.from({ length: 300 }, () => cloudID(random));

    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8,9}-[0-9a-f]{4}-11e8-[89ab][0-9a-f]{3}-0255ac10[0-9a-f]{4}$/);
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([36, 37]));
  });
});

describe('goTime', () => {
  it('prints what Go prints, with varying digits and never a trailing zero', () => {
    const at = Date.parse('2020-02-02T08:12:40.672Z');
    const texts = Array.from({ length: 200 }, (_, salt) => goTime(at, String(salt)));

    for (const text of texts) {
      expect(text).toMatch(/^2020-02-02 08:12:40(\.(?=\d*[1-9] )\d{1,9})? \+0000 UTC$/);
    }
    expect(new Set(texts.map((text) => text.length)).size).toBeGreaterThan(3);
    expect(goTime(at, 'x')).toBe(goTime(at, 'x'));
  });
});

describe('CloudTime', () => {
  it('speeds up and pushes forward the jobs alone', async () => {
    const clock = new FakeClock('2026-01-01T00:00:00Z');
    const time = new CloudTime(clock, 10);

    await clock.advance(1000);
    time.setSpeed(0);
    await clock.advance(5000);
    time.advance(60_000);

    expect(new Date(time.jobs()).toISOString()).toBe('2026-01-01T00:01:10.000Z');
    expect(new Date(time.wall()).toISOString()).toBe('2026-01-01T00:00:06.000Z');
  });
});
