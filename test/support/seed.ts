import { randomInt } from 'node:crypto';
import process from 'node:process';
import { seededRandom } from '../../src/sandbox/cce/random.js';

/** Chance that can be had again: the seed is CLOUDJOB_CHAOS_SEED, else another one each time. */
export function chance(): { readonly seed: number; readonly random: () => number } {
  const seed = Number(process.env['CLOUDJOB_CHAOS_SEED'] ?? randomInt(2 ** 31));
  return { seed, random: seededRandom(seed) };
}
