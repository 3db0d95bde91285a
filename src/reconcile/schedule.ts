import { isDeepStrictEqual } from 'node:util';
import { findCondition } from '../api/conditions.js';
import { SPEC_DEFAULTS, type CloudJob } from '../api/cloudjob.js';
import type { Retry } from '../cloud/reactions.js';
import { isStatusOfSpec, knownJob, readableSpec } from './cloudJob.js';
import type { JobSummary } from './summary.js';

// The time of the next poll of a job, and its deadlines.

/** How often unfinished jobs may be polled, in seconds. */
export interface Polling {
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

/** Fewer polls than with a fixed interval of 15 s, but changes are still observed earlier: docs/polling.md. */
export const DEFAULT_POLLING: Polling = { minSeconds: 4, maxSeconds: 60 };

/** Intervals are spread by this share in both directions, so that objects applied together drift apart. */
const JITTER = 0.15;
/** The longest interval, as a part of `maxSeconds`, unless the job is unchanged for unusually long. */
const PACE = 1 / 3;
/** After this time without a change a job is polled every `maxSeconds`; the jobs of CCE take up to 12 minutes. */
const LONG_UNCHANGED_SECONDS = 1800;
/** How long an unknown job may take to appear after its CloudJob, in milliseconds. */
export const NOT_FOUND_GRACE_MS = 120_000;

/**
 * Milliseconds until an unfinished job that was observed is polled again. Changes come in groups: right after one the
 * interval is `minSeconds`, then it about doubles with each poll without a change. The end of the running step may come at
 * any time, so the interval stays at a third of `maxSeconds`. Only if a job is unchanged for longer than a step takes
 * (10 minutes), the interval grows again, up to `maxSeconds` after half an hour.
 *
 * @param unchangedMs since the job was last seen to change, or began to be followed
 * @param intervalSeconds `spec.pollIntervalSeconds`; undefined: adaptive
 * @param random in [0, 1)
 */
export function pollAfterMs(
  unchangedMs: number,
  intervalSeconds: number | undefined,
  { minSeconds, maxSeconds }: Polling,
  random: number,
): number {
  const unchanged = Math.max(0, unchangedMs) / 1000;
  const afterChange = Math.min(minSeconds + unchanged, maxSeconds * PACE);
  const longUnchanged = Math.min(maxSeconds, (maxSeconds * unchanged) / LONG_UNCHANGED_SECONDS);
  const seconds = Math.max(minSeconds, intervalSeconds ?? Math.max(afterChange, longUnchanged));
  return jitter(seconds * 1000, random);
}

/**
 * Milliseconds until a failed poll is tried again.
 *
 * @param failures in a row, this one included: 1 or more
 * @param atLeastMs as the cloud demands (`Retry-After`), if it does
 * @param random in [0, 1)
 */
export function retryAfterMs(
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

/**
 * Whether two polls show a job in the same state. A new time of its last update alone is not a change: on a cloud that
 * moves it at every poll, the job would always be polled at the shortest interval.
 */
export function isSameState(one: JobSummary, other: JobSummary): boolean {
  return isDeepStrictEqual(withoutUpdateTimes(one), withoutUpdateTimes(other));
}

function withoutUpdateTimes({ updateTime: _, subJobs, ...rest }: JobSummary): object {
  return { ...rest, subJobs: subJobs?.map(({ updateTime: __, ...subJob }) => subJob) };
}

/**
 * Since when a job is unchanged, by its stored status, in milliseconds since the epoch; for a process that has not seen
 * the last change itself. `now` when the cloud gives no times, and never later.
 *
 * @param now wall clock; the times are by the cloud's clock: a difference only makes polls a bit too frequent or, within
 *   the maximum, too late
 */
export function unchangedSince({ updateTime, subJobs = [] }: JobSummary, now: number): number {
  const updates = [updateTime, ...subJobs.map((subJob) => subJob.updateTime)]
    .map((time) => Date.parse(time ?? ''))
    .filter((time) => !Number.isNaN(time));
  return updates.length === 0 ? now : Math.min(now, Math.max(...updates));
}

/** Milliseconds that are left for a job that was never observed to appear; 0 or less when that time is over. */
export function graceLeft(unobservedMs: number): number {
  return NOT_FOUND_GRACE_MS - unobservedMs;
}

/**
 * Milliseconds until an unfinished job is too old for `activeDeadlineSeconds`, counted from the job's creation by the
 * cloud's clock, or from the CloudJob's creation if the cloud gives no time; Infinity without a deadline.
 */
export function activeDeadlineLeft(cloudJob: CloudJob, job: JobSummary, now: number): number {
  const { activeDeadlineSeconds } = readableSpec(cloudJob);
  if (activeDeadlineSeconds === undefined) return Infinity;
  const created = Date.parse(job.startTime ?? cloudJob.metadata.creationTimestamp);
  return created + activeDeadlineSeconds * 1000 - now;
}

/**
 * Milliseconds until a job in an unknown phase is unchanged for `observationDeadlineSeconds`; 0 or less when that time has
 * passed.
 *
 * @param unchangedMs as this process knows it (`History`), before this observation
 */
export function unknownPhaseLeft(cloudJob: CloudJob, job: JobSummary, unchangedMs: number): number {
  const patienceMs = observationDeadlineMs(cloudJob);
  if (!isSameState(job, knownJob(cloudJob))) return patienceMs;
  // A restart loses the time of the last change, if the cloud gives no times: what an earlier process wrote counts, too.
  const isOverdue = findCondition(cloudJob.status.conditions, 'Stalled')?.reason === 'UnknownPhase';
  return isOverdue && isStatusOfSpec(cloudJob) ? 0 : patienceMs - unchangedMs;
}

/**
 * Milliseconds until the job is unobserved for `observationDeadlineSeconds`; 0 or less when that time has passed.
 *
 * @param unobservedMs as this process knows it (`History`)
 */
export function observationDeadlineLeft(cloudJob: CloudJob, now: number, unobservedMs: number): number {
  const { conditions } = cloudJob.status;
  const patienceMs = observationDeadlineMs(cloudJob);
  const synced = findCondition(conditions, 'Synced');
  if (synced?.status !== 'False') return patienceMs - unobservedMs;

  // A restart loses the history, so the conditions of an earlier process count too: the job was not observed since
  // Synced turned False, and only an observation (or another spec) ends a stall.
  const isNotFound = synced.reason === 'JobNotFound' || synced.reason === 'JobVanished';
  const isOverdue = findCondition(conditions, 'Stalled')?.reason === synced.reason && !isNotFound;
  if (isOverdue && isStatusOfSpec(cloudJob)) return 0;
  return patienceMs - Math.max(unobservedMs, now - Date.parse(synced.lastTransitionTime));
}

function observationDeadlineMs(cloudJob: CloudJob): number {
  const { observationDeadlineSeconds = SPEC_DEFAULTS.observationDeadlineSeconds } = readableSpec(cloudJob);
  return observationDeadlineSeconds * 1000;
}
