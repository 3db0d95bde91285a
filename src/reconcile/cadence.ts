import type { Retry } from '../cloud/reactions.js';

/** How often unfinished jobs may be looked at, in seconds. */
export interface Polling {
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

/** Fewer looks than one every 15 s, and changes are seen earlier all the same: docs/cadence.md. */
export const DEFAULT_POLLING: Polling = { minSeconds: 4, maxSeconds: 60 };

/** Waits are spread by this share in both directions, so that objects applied together drift apart. */
const JITTER = 0.15;
/** A job that is not quiet for unusually long is looked at every so many parts of `maxSeconds`. */
const PACE = 1 / 3;
/** After so long without a change a job is looked at every `maxSeconds`; the jobs of CCE take up to 12 minutes. */
const LONG_QUIET_SECONDS = 1800;

/**
 * Milliseconds until an unfinished job that was read well is looked at again. Changes come in groups: right after one
 * the wait is `minSeconds`, and then grows with the quiet time, about twofold each time. When nothing follows, the end of
 * the step that began may come at any time, so the wait stays at a third of `maxSeconds`. Only a job that has been quiet for
 * longer than a step takes (10 minutes) is looked at ever more rarely, up to every `maxSeconds` after half an hour.
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
  const quiet = Math.max(0, quietMs) / 1000;
  const settled = Math.min(minSeconds + quiet, maxSeconds * PACE);
  const longQuiet = Math.min(maxSeconds, (maxSeconds * quiet) / LONG_QUIET_SECONDS);
  const seconds = Math.max(minSeconds, intervalSeconds ?? Math.max(settled, longQuiet));
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
