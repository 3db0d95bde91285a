import { findCondition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { failureOf, type Failure, type Observation } from '../cloud/observation.js';
import { classifyPhase } from '../cloud/phase.js';
import { hasUnreadCauses, isStatusOfSpec, isUnverified, readableSpec } from './cloudJob.js';
import { activeDeadlineLeft, graceLeft, observationDeadlineLeft, unknownPhaseLeft } from './schedule.js';
import { isKnown, type JobSummary, type StatusLength } from './summary.js';

/** What the process remembers of a CloudJob and the status does not contain. */
export interface History {
  /**
   * Milliseconds since the job was last observed; if this process never observed it, since it first saw the object. For an
   * object that existed at the start and was never observed, since its creation.
   */
  readonly unobservedMs: number;
  /** Milliseconds since the job was last observed to change; 0 if left out. */
  readonly unchangedMs?: number;
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
  /** For longer than `observationDeadlineSeconds`. */
  | { readonly kind: 'unknownPhaseOverdue' }
  | { readonly kind: 'succeeded' }
  /** `hasUnreadCauses`: it is polled until the sub-jobs that may give the cause are read. */
  | { readonly kind: 'failed'; readonly hasUnreadCauses: boolean }
  | { readonly kind: 'deadlineExceeded' }
  | { readonly kind: 'jobNotFoundYet'; readonly failure: Failure }
  | { readonly kind: 'jobNotFound'; readonly failure: Failure }
  | { readonly kind: 'jobVanished'; readonly failure: Failure }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'overdue'; readonly failure: Failure }
  /** Nothing new, and the status still holds: after a failure, and for an end that is not verified yet. */
  | { readonly kind: 'asBefore' }
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
    return conditions.length === 0 ? { kind: 'waiting', failure } : { kind: 'asBefore' };
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
 * Whether it verifies a job's end that somebody else wrote. If the cloud no longer knows the job, that end stays: there is
 * no better source, and the record from a backup must not be lost.
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

/** Nothing new was observed, so the known state stays. */
function unchanged(
  cloudJob: CloudJob,
  job: JobSummary,
  failure: Failure | undefined,
  stands: () => JobState,
): JobState {
  const conditions = cloudJob.status.conditions ?? [];
  const synced = findCondition(conditions, 'Synced');
  if (isStatusOfSpec(cloudJob)) {
    if (synced?.status === 'False') return { kind: 'asBefore' };
    if (synced?.status === 'Unknown' && failure === undefined) return { kind: 'asBefore' };
  }
  return isKnown(job) ? stands() : { kind: 'waiting', failure };
}
