import { findCondition } from '../api/conditions.js';
import { SPEC_DEFAULTS, type CloudJob } from '../api/cloudjob.js';
import type { History } from './finding.js';
import { isSameQuestion } from './known.js';
import type { JobSummary } from './summary.js';

/** A job that the cloud does not know is waited for this long after the CloudJob's creation, in milliseconds. */
export const NOT_FOUND_GRACE_MS = 120_000;

/** Milliseconds for which an unknown job is still waited for; 0 or less when that time is over. */
export function graceLeft({ metadata }: CloudJob, now: number): number {
  return Date.parse(metadata.creationTimestamp) + NOT_FOUND_GRACE_MS - now;
}

/**
 * Milliseconds until an unfinished job is too old for `activeDeadlineSeconds`, counted from the job's creation by the
 * cloud's clock, from the CloudJob's where the cloud tells none; Infinity without a deadline.
 */
export function activeDeadlineLeft({ metadata, spec }: CloudJob, job: JobSummary, now: number): number {
  if ('problems' in spec || spec.activeDeadlineSeconds === undefined) return Infinity;
  const created = Date.parse(job.startTime ?? metadata.creationTimestamp);
  return created + spec.activeDeadlineSeconds * 1000 - now;
}

/** Milliseconds until there has been no good look for `observationDeadlineSeconds`; 0 or less when that is past. */
export function observationDeadlineLeft(cloudJob: CloudJob, now: number, history: History): number {
  const { spec, status } = cloudJob;
  const seconds =
    ('problems' in spec ? undefined : spec.observationDeadlineSeconds) ??
    SPEC_DEFAULTS.observationDeadlineSeconds;
  const synced = findCondition(status.conditions, 'Synced');
  if (synced?.status !== 'False') return seconds * 1000 - history.silentMs;

  // A restart forgets the history, so what an earlier process wrote counts too: since Synced turned False there has
  // been no good look, and only a good look (or another spec) ends a stall.
  const stalled = findCondition(status.conditions, 'Stalled');
  const stalledBySilence = stalled?.reason === synced.reason && !saysNotFound(synced.reason);
  if (stalledBySilence && isSameQuestion(cloudJob)) return 0;
  return seconds * 1000 - Math.max(history.silentMs, now - Date.parse(synced.lastTransitionTime));
}

function saysNotFound(reason: string): boolean {
  return reason === 'JobNotFound' || reason === 'JobVanished';
}
