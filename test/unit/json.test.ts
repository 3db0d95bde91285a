import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasMoreValues, parseJSON } from '../../src/json.js';

/** How many values there are, the names of fields left out. */
function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, entry) => sum + valuesOf(entry), 1);
}

describe('JSON with a bound on its values', () => {
  it('is read as far as the bound, whatever its texts have in them', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);

        expect(parseJSON(text, valuesOf(value))).toEqual(JSON.parse(text));
      }),
      { numRuns: 1_000, examples: [[[[], []]], [[{}, {}]]] },
    );
  });

  it.each([
    ['objects', `[${'{},'.repeat(100)}{}]`],
    ['numbers', `[${'1,'.repeat(100)}1]`],
    ['lists in lists', `${'['.repeat(101)}${']'.repeat(101)}`],
    ['fields', `{${'"a":0,'.repeat(100)}"a":0}`],
    ['texts', `[${'"[\\\\",'.repeat(100)}"\\""]`],
  ])('is not read beyond it: %s', (_, text) => {
    expect([hasMoreValues(text, 100), parseJSON(text, 100)]).toEqual([true, undefined]);
  });
});
