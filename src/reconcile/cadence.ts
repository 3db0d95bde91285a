import type { Retry } from '../cloud/reactions.js';

/** How often unfinished jobs may be looked at, in seconds. */
export interface Polling {
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

/** Waits are spread by this share in both directions, so that objects applied together drift apart. */
const JITTER = 0.15;
/** The wait grows by this share of the time in which nothing has changed. */
const GROWTH = 0.1;

/**
 * Milliseconds until an unfinished job that was read well is looked at again.
 *
 * @param quietMs since the job was last seen to change, or began to be followed
 * @param intervalSeconds `spec.pollIntervalSeconds`; undefined: adaptive
 * @param random in [0, 1)
 */
export function lookAgainMs(
  quietMs: number,
  intervalSeconds: number | undefined,
  { minSeconds, maxSeconds }: Polling,
  random: number,
): number {
  const seconds =
    intervalSeconds === undefined
      ? Math.min(maxSeconds, minSeconds + (GROWTH * Math.max(0, quietMs)) / 1000)
      : Math.max(minSeconds, intervalSeconds);
  return jitter(seconds * 1000, random);
}

/**
 * Milliseconds until a failed look is tried again.
 *
 * @param failures in a row, this one included: 1 or more
 * @param atLeastMs what the cloud asked for, if it did
 * @param random in [0, 1)
 */
export function retryMs(
  { firstSeconds, lastSeconds }: Retry,
  failures: number,
  atLeastMs: number | undefined,
  { minSeconds }: Polling,
  random: number,
): number {
  const seconds = Math.max(minSeconds, Math.min(lastSeconds, firstSeconds * 2 ** Math.min(failures - 1, 20)));
  return Math.max(jitter(seconds * 1000, random), atLeastMs ?? 0);
}

function jitter(ms: number, random: number): number {
  return ms * (1 - JITTER + 2 * JITTER * random);
}
