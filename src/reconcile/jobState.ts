import { findCondition, type Condition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { failureOf, type Failure, type Observation } from '../cloud/observation.js';
import { classifyPhase } from '../cloud/phase.js';
import { hasUnreadCauses, isStatusOfSpec, isUnverified, readableSpec } from './cloudJob.js';
import { activeDeadlineLeft, graceLeft, observationDeadlineLeft, unknownPhaseLeft } from './schedule.js';
import { isKnown, type JobSummary, type StatusLength } from './summary.js';

/** What the process remembers of a CloudJob and its status cannot say. */
export interface History {
  /**
   * Milliseconds in which the job was not observed: since the last time; or, when this process never did, since it first saw
   * the object. Of an object that was there at start and was never observed, since its creation.
   */
  readonly unobservedMs: number;
  /** Milliseconds since the job was last seen to change; 0 if left out. */
  readonly unchangedMs?: number;
  /** How the poll before this observation failed, if it did. */
  readonly lastFailure?: Failure | undefined;
  /** `full` if left out. `short` when the API server has refused a full status of the object as too large. */
  readonly statusLength?: StatusLength;
  /** Whether somebody else has written over the status of this process, and no Event says so yet. */
  readonly isOverwritten?: boolean;
}

/** Where a CloudJob stands: one row of the table of conditions (see `conditions.ts`) each. */
export type JobState =
  | { readonly kind: 'waiting'; readonly failure?: Failure | undefined }
  | { readonly kind: 'initializing' }
  | { readonly kind: 'running' }
  | { readonly kind: 'unknownPhase' }
  /** For so long that nobody can expect it to change. */
  | { readonly kind: 'unknownPhaseOverdue' }
  | { readonly kind: 'succeeded' }
  /** `hasUnreadCauses`: it is polled until the sub-jobs that may tell the cause are read. */
  | { readonly kind: 'failed'; readonly hasUnreadCauses: boolean }
  | { readonly kind: 'deadlineExceeded' }
  | { readonly kind: 'jobNotFoundYet'; readonly failure: Failure }
  | { readonly kind: 'jobNotFound'; readonly failure: Failure }
  | { readonly kind: 'jobVanished'; readonly failure: Failure }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'overdue'; readonly failure: Failure }
  /** Nothing new, and what the status says still holds: after a failure, and of an end that is to be verified. */
  | { readonly kind: 'asBefore'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'invalidSpec'; readonly problem: string }
  | { readonly kind: 'suspended' };

/**
 * Where a CloudJob stands.
 *
 * @param job what is known of the job, this observation included
 * @param now wall clock in milliseconds since the epoch
 */
export function classify(
  cloudJob: CloudJob,
  job: JobSummary,
  observation: Observation,
  now: number,
  { unobservedMs, unchangedMs = 0, lastFailure }: History,
): JobState {
  const stands = (): JobState => followed(cloudJob, job, now, unchangedMs);
  const phase = classifyPhase(job.phase);
  const isVerified = !isUnverified(cloudJob) || verifiesEnd(observation);
  if (phase === 'succeeded' && isVerified) return { kind: phase };
  if (phase === 'failed' && isVerified) {
    return { kind: phase, hasUnreadCauses: areCausesLeft(cloudJob, observation) };
  }
  if ('problems' in cloudJob.spec) return { kind: 'invalidSpec', problem: cloudJob.spec.problems.join('; ') };
  if (readableSpec(cloudJob).suspend === true) return { kind: 'suspended' };
  if (observation.kind === 'invalidSpec') return { kind: 'invalidSpec', problem: observation.message };
  if (observation.kind === 'job') return stands();

  const failure = failureOf(observation);
  if (!isVerified) {
    const conditions = cloudJob.status.conditions ?? [];
    return conditions.length === 0 ? { kind: 'waiting', failure } : { kind: 'asBefore', conditions };
  }
  const isOverdue = observationDeadlineLeft(cloudJob, now, unobservedMs) <= 0;
  if (failure === undefined) {
    const isStalled = lastFailure !== undefined && lastFailure.kind !== 'notFound' && isOverdue;
    return isStalled
      ? { kind: 'overdue', failure: lastFailure }
      : unchanged(cloudJob, job, undefined, stands);
  }
  if (failure.kind === 'notFound') {
    if (isKnown(job)) return { kind: 'jobVanished', failure: { ...failure, reason: 'JobVanished' } };
    return { kind: graceLeft(unobservedMs) > 0 ? 'jobNotFoundYet' : 'jobNotFound', failure };
  }
  if (isOverdue) return { kind: 'overdue', failure };
  if (failure.kind === 'refused') return { kind: 'refused', failure };
  return unchanged(cloudJob, job, failure, stands);
}

/**
 * Whether it settles what somebody else wrote of a job's end. A job that the cloud does not know any more stays as that
 * says: nobody can say better, and the record of a backup is not to be lost.
 */
export function verifiesEnd(observation: Observation): boolean {
  return observation.kind === 'job' || failureOf(observation)?.kind === 'notFound';
}

/** Only the budget can leave causes: each is read once, and an error ends it. */
function areCausesLeft(cloudJob: CloudJob, observation: Observation): boolean {
  if (readableSpec(cloudJob).jobID === undefined || readableSpec(cloudJob).suspend === true) return false;
  if (observation.kind === 'job') return observation.causesLeft !== undefined;
  return observation.kind === 'nothing' && hasUnreadCauses(cloudJob);
}

/** The last poll was good, and the job has not ended. */
function followed(cloudJob: CloudJob, job: JobSummary, now: number, unchangedMs: number): JobState {
  if (activeDeadlineLeft(cloudJob, job, now) <= 0) return { kind: 'deadlineExceeded' };
  const phase = classifyPhase(job.phase);
  if (phase === 'initializing' || phase === 'running') return { kind: phase };
  const isOverdue = unknownPhaseLeft(cloudJob, job, unchangedMs) <= 0;
  return { kind: isOverdue ? 'unknownPhaseOverdue' : 'unknownPhase' };
}

/** Nothing new was observed of the job, so what was known stands. */
function unchanged(
  cloudJob: CloudJob,
  job: JobSummary,
  failure: Failure | undefined,
  stands: () => JobState,
): JobState {
  const conditions = cloudJob.status.conditions ?? [];
  const synced = findCondition(conditions, 'Synced');
  if (isStatusOfSpec(cloudJob)) {
    if (synced?.status === 'False') return { kind: 'asBefore', conditions };
    if (synced?.status === 'Unknown' && failure === undefined) return { kind: 'asBefore', conditions };
  }
  return isKnown(job) ? stands() : { kind: 'waiting', failure };
}
