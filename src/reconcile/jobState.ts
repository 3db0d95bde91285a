import { findCondition, type Condition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { failureOf, type Failure, type Observation } from '../cloud/observation.js';
import { classifyPhase } from '../cloud/phase.js';
import { isStatusOfSpec, isUnverified, readableSpec } from './cloudJob.js';
import { activeDeadlineLeft, graceLeft, observationDeadlineLeft } from './schedule.js';
import { isKnown, type JobSummary, type StatusLength } from './summary.js';

/** What the process remembers of a CloudJob and the status does not contain. */
export interface History {
  /**
   * Milliseconds since the job was last observed; if this process never observed it, since it first saw the object. For an
   * object that existed at the start and was never observed, since its creation.
   */
  readonly unobservedMs: number;
  /** The failure of the poll before this observation, if it failed. */
  readonly lastFailure?: Failure | undefined;
  /** `full` if left out. `short` when the API server has refused a full status of the object as too large. */
  readonly statusLength?: StatusLength;
  /** Whether somebody else has overwritten the status and no Event reports it yet. */
  readonly isOverwritten?: boolean;
}

/** The state of a CloudJob; each is one row of the table of conditions (`conditions.ts`). */
export type JobState =
  | { readonly kind: 'waiting'; readonly failure?: Failure | undefined }
  | { readonly kind: 'initializing' }
  | { readonly kind: 'running' }
  | { readonly kind: 'unknownPhase' }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'deadlineExceeded' }
  | { readonly kind: 'jobNotFoundYet'; readonly failure: Failure }
  | { readonly kind: 'jobNotFound'; readonly failure: Failure }
  | { readonly kind: 'jobVanished'; readonly failure: Failure }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'overdue'; readonly failure: Failure }
  /** Nothing new, and the status still holds: after a failure, and for an end that is not verified yet. */
  | { readonly kind: 'asBefore'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'invalidSpec'; readonly problem: string }
  | { readonly kind: 'suspended' };

/**
 * The state of a CloudJob.
 *
 * @param job what is known of the job, this observation included
 * @param now wall clock in milliseconds since the epoch
 */
export function classify(
  cloudJob: CloudJob,
  job: JobSummary,
  observation: Observation,
  now: number,
  { unobservedMs, lastFailure }: History,
): JobState {
  const phase = classifyPhase(job.phase);
  const isVerified = !isUnverified(cloudJob) || verifiesEnd(observation);
  if ((phase === 'succeeded' || phase === 'failed') && isVerified) return { kind: phase };
  if ('problems' in cloudJob.spec) return { kind: 'invalidSpec', problem: cloudJob.spec.problems.join('; ') };
  if (readableSpec(cloudJob).suspend === true) return { kind: 'suspended' };
  if (observation.kind === 'invalidSpec') return { kind: 'invalidSpec', problem: observation.message };
  if (observation.kind === 'job') return followed(cloudJob, job, now);

  const failure = failureOf(observation);
  if (!isVerified) {
    const conditions = cloudJob.status.conditions ?? [];
    return conditions.length === 0 ? { kind: 'waiting', failure } : { kind: 'asBefore', conditions };
  }
  const isOverdue = observationDeadlineLeft(cloudJob, now, unobservedMs) <= 0;
  if (failure === undefined) {
    const isStalled = lastFailure !== undefined && lastFailure.kind !== 'notFound' && isOverdue;
    return isStalled ? { kind: 'overdue', failure: lastFailure } : unchanged(cloudJob, job, now, undefined);
  }
  if (failure.kind === 'notFound') {
    if (isKnown(job)) return { kind: 'jobVanished', failure: { ...failure, reason: 'JobVanished' } };
    return { kind: graceLeft(unobservedMs) > 0 ? 'jobNotFoundYet' : 'jobNotFound', failure };
  }
  if (isOverdue) return { kind: 'overdue', failure };
  if (failure.kind === 'refused') return { kind: 'refused', failure };
  return unchanged(cloudJob, job, now, failure);
}

/**
 * Whether it verifies a job's end that somebody else wrote. If the cloud no longer knows the job, that end stays: there is
 * no better source, and the record from a backup must not be lost.
 */
export function verifiesEnd(observation: Observation): boolean {
  return observation.kind === 'job' || failureOf(observation)?.kind === 'notFound';
}

/** The last poll was good, and the job has not ended. */
function followed(cloudJob: CloudJob, job: JobSummary, now: number): JobState {
  if (activeDeadlineLeft(cloudJob, job, now) <= 0) return { kind: 'deadlineExceeded' };
  const phase = classifyPhase(job.phase);
  return phase === 'initializing' || phase === 'running' ? { kind: phase } : { kind: 'unknownPhase' };
}

/** Nothing new was observed, so the known state stays. */
function unchanged(cloudJob: CloudJob, job: JobSummary, now: number, failure: Failure | undefined): JobState {
  const conditions = cloudJob.status.conditions ?? [];
  const synced = findCondition(conditions, 'Synced');
  if (isStatusOfSpec(cloudJob)) {
    if (synced?.status === 'False') return { kind: 'asBefore', conditions };
    if (synced?.status === 'Unknown' && failure === undefined) return { kind: 'asBefore', conditions };
  }
  return isKnown(job) ? followed(cloudJob, job, now) : { kind: 'waiting', failure };
}
