import { createHash } from 'node:crypto';

/** Numbers in [0, 1): the same sequence for the same seed, on every machine. */
export type Random = () => number;

export function seededRandom(seed: number | string): Random {
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHash('sha256').update(`${seed}/${drawn}`).digest().readUInt32BE(0) / 2 ** 32;
  };
}

/** One of the items; the list must not be empty. */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

export function hexDigits(random: Random, count: number): string {
  let digits = '';
  while (digits.length < count) digits += Math.floor(random() * 16).toString(16);
  return digits;
}

/**
 * An ID like CCE's: UUIDv1 with a MAC that starts with 0255ac10. One in twenty has nine digits in its first group and so
 * 37 characters, like the one in the API's documentation.
 */
export function cloudID(random: Random): string {
  const first = hexDigits(random, random() < 0.05 ? 9 : 8);
  return `${first}-${hexDigits(random, 4)}-11e8-${pick(random, ['8', '9', 'a', 'b'])}${hexDigits(random, 3)}-0255ac10${hexDigits(random, 4)}`;
}
