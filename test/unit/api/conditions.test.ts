import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { conditionSchema } from '../../../src/api/cloudjob.js';
import {
  CONDITION_TYPES,
  MAX_CONDITIONS,
  MAX_MESSAGE_LENGTH,
  REASONS,
  findCondition,
  mergeConditions,
  type Condition,
  type Reason,
  type WantedCondition,
} from '../../../src/api/conditions.js';

const EARLIER = '2026-03-01T10:00:00Z';
const NOW = '2026-03-01T10:05:00Z';
const now = Date.parse(NOW) + 987;

const running: WantedCondition = { type: 'Ready', status: 'Unknown', reason: 'JobRunning', message: 'Runs.' };
const succeeded: WantedCondition = {
  type: 'Ready',
  status: 'True',
  reason: 'JobSucceeded',
  message: 'Done.',
};

function written(want: WantedCondition, lastTransitionTime = EARLIER): Condition {
  return { ...want, observedGeneration: 1, lastTransitionTime };
}

function foreign(type: string): Condition {
  return { type, status: 'False', reason: 'Theirs', message: '', lastTransitionTime: EARLIER };
}

const anyWanted = fc.uniqueArray(
  fc.record({
    type: fc.constantFrom(...CONDITION_TYPES),
    status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
    reason: fc.constantFrom(...(Object.keys(REASONS) as Reason[])),
    message: fc.string({ unit: 'binary', maxLength: 2000, size: 'max' }),
  }),
  { selector: ({ type }) => type },
);
const anyForeign = fc.uniqueArray(fc.constantFrom('example.com/Audited', 'Paused', 'Theirs').map(foreign), {
  selector: ({ type }) => type,
});
const anyPrevious = fc
  .tuple(anyWanted, anyForeign)
  .map(([ours, theirs]) => [...theirs, ...ours.map((want) => written(want))]);

describe('merging conditions', () => {
  it('stamps a new condition with the time and the generation', () => {
    expect(mergeConditions([], [running], 4, now)).toEqual([
      { ...running, observedGeneration: 4, lastTransitionTime: NOW },
    ]);
  });

  it('moves the transition time when the status flips', () => {
    expect(mergeConditions([written(running)], [succeeded], 1, now)).toEqual([written(succeeded, NOW)]);
  });

  it('keeps the transition time when only words and generation change', () => {
    const reworded = { ...running, reason: 'UnknownPhase', message: 'Rests.' } as const;

    const [ready] = mergeConditions([written(running)], [reworded], 2, now);

    expect(ready).toEqual({ ...reworded, observedGeneration: 2, lastTransitionTime: EARLIER });
  });

  it('removes a condition of its own that is no longer wanted', () => {
    const stalled = written({ type: 'Stalled', status: 'True', reason: 'JobNotFound', message: '' });

    const merged = mergeConditions([written(running), stalled], [running], 1, now);

    expect(findCondition(merged, 'Stalled')).toBeUndefined();
  });

  it('writes its own in house order and keeps those of others, unchanged, behind them', () => {
    const previous = [foreign('Audited'), written(succeeded), foreign('Paused')];
    const finished: WantedCondition = { ...succeeded, type: 'Finished' };

    const merged = mergeConditions(previous, [finished, succeeded], 1, now);

    expect(merged.map(({ type }) => type)).toEqual(['Ready', 'Finished', 'Audited', 'Paused']);
    expect(merged.slice(2)).toEqual([previous[0], previous[2]]);
  });

  it('never makes a list that the API server refuses: its own find room', () => {
    const previous = Array.from({ length: MAX_CONDITIONS }, (_, index) => foreign(`Theirs${index}`));

    const merged = mergeConditions(previous, [running], 1, now);

    expect(merged).toHaveLength(MAX_CONDITIONS);
    expect(merged[0]?.type).toBe('Ready');
  });

  it('cuts a long message, never through a character', () => {
    const message = `${'x'.repeat(MAX_MESSAGE_LENGTH - 1)}💥`;

    const [ready] = mergeConditions([], [{ ...running, message }], 1, now);

    expect(ready?.message).toBe('x'.repeat(MAX_MESSAGE_LENGTH - 1));
  });

  it('changes nothing when the same is wanted again later', () => {
    fc.assert(
      fc.property(anyPrevious, anyWanted, fc.nat(1_000_000), (previous, wanted, later) => {
        const once = mergeConditions(previous, wanted, 3, now);

        expect(mergeConditions(once, wanted, 3, now + later)).toEqual(once);
      }),
    );
  });

  it('has exactly the wanted types, in an order that depends on nothing', () => {
    fc.assert(
      fc.property(anyPrevious, anyWanted, (previous, wanted) => {
        const types = mergeConditions(previous, wanted, 3, now).map(({ type }) => type);
        const own = types.filter((type) => (CONDITION_TYPES as readonly string[]).includes(type));

        expect(own).toEqual(CONDITION_TYPES.filter((type) => wanted.some((want) => want.type === type)));
        expect(mergeConditions(previous, wanted.toReversed(), 3, now).map(({ type }) => type)).toEqual(types);
      }),
    );
  });

  it('moves transition times with the status, and at no other time', () => {
    fc.assert(
      fc.property(anyPrevious, anyWanted, (previous, wanted) => {
        for (const { type, status } of wanted) {
          const before = findCondition(previous, type);
          const after = findCondition(mergeConditions(previous, wanted, 3, now), type);

          expect(after?.lastTransitionTime).toBe(before?.status === status ? EARLIER : NOW);
        }
      }),
    );
  });

  it('makes conditions that the CRD takes', () => {
    fc.assert(
      fc.property(anyPrevious, anyWanted, (previous, wanted) => {
        for (const condition of mergeConditions(previous, wanted, 3, now)) conditionSchema.parse(condition);
      }),
    );
  });

  it('keeps all conditions of others', () => {
    fc.assert(
      fc.property(anyPrevious, anyWanted, (previous, wanted) => {
        const theirs = (list: readonly Condition[]) => list.filter(({ reason }) => reason === 'Theirs');

        expect(theirs(mergeConditions(previous, wanted, 3, now))).toEqual(theirs(previous));
      }),
    );
  });
});

describe('reasons', () => {
  it.each(Object.entries(REASONS))(
    '%s is a word that metav1.Condition takes, and means something that can be said',
    (reason, meaning) => {
      expect(reason).toMatch(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/);
      expect(meaning).toMatch(/^[A-Z`].*\.$/);
    },
  );
});
