import {
  FLUX_REQUESTED_AT_ANNOTATION,
  MAX_WORD_LENGTH,
  REQUESTED_AT_ANNOTATION,
  type CloudJob,
  type CloudJobSpec,
} from '../api/cloudjob.js';
import { findCondition } from '../api/conditions.js';
import { isTerminal } from '../cloud/phase.js';
import { cutText } from '../text.js';
import { JOB_FIELDS, type JobSummary } from './summary.js';

// What follows from a CloudJob alone, without an observation.

/** The spec if it is valid, else `{}`. */
export function readableSpec({ spec }: Pick<CloudJob, 'spec'>): Partial<CloudJobSpec> {
  return 'problems' in spec ? {} : spec;
}

/**
 * The CloudJob without the status of another job. The CRD forbids changes of `jobID`, but an API server too old for such
 * rules allows them, and the state of job A must never be shown for job B.
 */
export function aboutItsJob(cloudJob: CloudJob): CloudJob {
  const { spec, status } = cloudJob;
  if (spec.jobID === undefined || status.jobID === undefined || status.jobID === spec.jobID) return cloudJob;
  const { lastHandledReconcileAt } = status;
  return { ...cloudJob, status: lastHandledReconcileAt === undefined ? {} : { lastHandledReconcileAt } };
}

/** Whether the status was written for this very spec, and polls have not been suspended since. */
export function isStatusOfSpec({ metadata, status }: CloudJob): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    findCondition(status.conditions, 'Suspended') === undefined
  );
}

/** The part of the status about the job; `{}` if there is none. */
export function knownJob({ status }: CloudJob): JobSummary {
  const known: Record<string, unknown> = {};
  for (const field of JOB_FIELDS) {
    if (status[field] !== undefined) known[field] = status[field];
  }
  return known;
}

/** Whether the job has ended, by the status. */
function saysEnded(cloudJob: CloudJob): boolean {
  return isTerminal(aboutItsJob(cloudJob).status.phase);
}

/** Whether the status reports that sub-jobs of the failed job, which may give the cause, are still to be read. */
export function hasUnreadCauses({ status }: CloudJob): boolean {
  return findCondition(status.conditions, 'Synced')?.reason === 'CausesUnread';
}

/** Whether the job is known to have ended. Such a job is polled only on request, or while causes are unread. */
export function isFinished(cloudJob: CloudJob): boolean {
  return saysEnded(cloudJob) && !isUnverified(cloudJob);
}

/**
 * Whether the end of the job was written by somebody other than the operator: a mistake, or a restore from a backup. A
 * poll verifies it.
 */
export function isUnverified(cloudJob: CloudJob): boolean {
  return cloudJob.metadata.isPhaseForeign && saysEnded(cloudJob);
}

/**
 * Whether there is nothing to do for the CloudJob until it changes: its job has ended, status and conditions show it for
 * this spec, no poll is requested, and it will not be deleted. The predicate is simple on purpose: it runs for each object
 * of a list.
 */
export function rests(cloudJob: CloudJob): boolean {
  const { metadata, status } = cloudJob;
  const ended = ['Ready', 'Succeeded', 'Finished', 'Settled', 'Synced'] as const;
  return (
    isFinished(cloudJob) &&
    !hasUnreadCauses(cloudJob) &&
    !isRequested(cloudJob) &&
    !isDeletedAfterFinish(cloudJob) &&
    status.observedGeneration === metadata.generation &&
    ended.every((type) => findCondition(status.conditions, type)?.observedGeneration === metadata.generation)
  );
}

/** Whether the object will be deleted some time after its job has ended. */
export function isDeletedAfterFinish(cloudJob: CloudJob): boolean {
  return (
    readableSpec(cloudJob).ttlSecondsAfterFinished !== undefined && cloudJob.metadata.keeper === undefined
  );
}

/**
 * The value that requests a poll now; undefined without a request. If an object has both annotations, the later time
 * counts; if they cannot be compared, ours. The choice depends only on the pair, so that handling one of them never
 * makes the other count again.
 */
export function requestedAt({ metadata: { annotations } }: Pick<CloudJob, 'metadata'>): string | undefined {
  const ours = bounded(annotations[REQUESTED_AT_ANNOTATION]);
  const flux = bounded(annotations[FLUX_REQUESTED_AT_ANNOTATION]);
  if (!ours || !flux) return ours || flux || undefined;
  return Date.parse(flux) > Date.parse(ours) ? flux : ours;
}

/** Whether a requested poll has not happened yet. */
export function isRequested(cloudJob: CloudJob): boolean {
  const value = requestedAt(cloudJob);
  return value !== undefined && value !== cloudJob.status.lastHandledReconcileAt;
}

/** Cut as in the status: half a character would be stored as another text, which never equals the request. */
function bounded(value: string | undefined): string | undefined {
  return value && cutText(value, MAX_WORD_LENGTH);
}
