import { createHash } from 'node:crypto';

/** The possible numbers of fraction digits of a clock; Go then drops the trailing zeros. */
const PRECISIONS = [9, 9, 6, 6, 3, 0] as const;

/**
 * Milliseconds since the epoch as Go's `time.Time.String()` prints them, which is what CCE answers:
 * `2020-02-02 08:12:40.672772389 +0000 UTC`. The digits below the millisecond, and how many there are, follow from
 * `salt`, so that the same job always shows the same text and different jobs differ.
 */
export function goTime(ms: number, salt: string): string {
  const noise = createHash('sha256').update(`${salt}/${ms}`).digest();
  const digits = PRECISIONS[noise.readUInt8(0) % PRECISIONS.length] ?? 9;
  const whole = Math.floor(ms);
  const millis = String(((whole % 1000) + 1000) % 1000).padStart(3, '0');
  const below = String(noise.readUInt32BE(1) % 1_000_000).padStart(6, '0');
  const fraction = `${millis}${below}`.slice(0, digits).replace(/0+$/, '');
  const seconds = new Date(whole).toISOString().slice(0, 19).replace('T', ' ');
  return `${seconds}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`;
}
