import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from '../../../src/kube/backoff.js';

const backoff = { baseMs: 100, maxMs: 5000 };

describe('backoff', () => {
  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [6, 3200],
    [7, 5000],
    [1_000_000, 5000],
  ])('after %i failures waits up to %i ms', (failures, expected) => {
    const wait = backoffMs(failures, backoff, () => 1);

    expect(wait).toBe(expected);
  });

  it('spreads waits over the upper half, and never beyond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const wait = backoffMs(failures, backoff, () => random);

        expect(wait).toBeGreaterThanOrEqual(50);
        expect(wait).toBeLessThanOrEqual(5000);
      }),
    );
  });
});
