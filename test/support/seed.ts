import { randomInt } from 'node:crypto';
import process from 'node:process';
import { seededRandom } from '../../src/sandbox/cce/random.js';

/** Chance that can be had again: the seed is CLOUDJOB_CHAOS_SEED, else another one each time. */
export function chance(): { readonly seed: number; readonly random: () => number } {
  const seed = Number(process.env['CLOUDJOB_CHAOS_SEED'] ?? randomInt(2 ** 31));
  return { seed, random: seededRandom(seed) };
}

/** Numbers in [0, 1) that cost next to nothing, the same row for the same seed (Mulberry32). */
export function quickRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many times as long as usual the tests may take to look further: CLOUDJOB_CHAOS_RUNS, 1 when left out. */
export const chaosRuns = Number(process.env['CLOUDJOB_CHAOS_RUNS'] ?? 1);
