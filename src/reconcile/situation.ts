import { findCondition, type Condition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { activeDeadlineLeft, graceLeft, observationDeadlineLeft } from './deadlines.js';
import { failureOf, type Failure } from './failure.js';
import type { Finding, History } from './finding.js';
import { isSameQuestion } from './known.js';
import { classifyPhase } from './phase.js';
import { isKnown, type JobSummary } from './summary.js';

/** Where a CloudJob stands: one row of the table of conditions (see `conditionTable.ts`) each. */
export type Situation =
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
  /** Nothing new, and what the last pass wrote after a failure still holds. */
  | { readonly kind: 'asBefore'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'invalidSpec'; readonly problem: string }
  | { readonly kind: 'suspended' };

/**
 * Judges where a CloudJob stands.
 *
 * @param job what is known of the job, this pass's finding included
 * @param now wall clock in milliseconds since the epoch
 */
export function judge(
  cloudJob: CloudJob,
  job: JobSummary,
  finding: Finding,
  now: number,
  history: History,
): Situation {
  const phase = classifyPhase(job.phase);
  if (phase === 'succeeded' || phase === 'failed') return { kind: phase };
  if ('problems' in cloudJob.spec) return { kind: 'invalidSpec', problem: cloudJob.spec.problems.join('; ') };
  if (cloudJob.spec.suspend === true) return { kind: 'suspended' };
  if (finding.kind === 'unusable') return { kind: 'invalidSpec', problem: finding.message };
  if (finding.kind === 'job') return followed(cloudJob, job, now);

  const failure = failureOf(finding);
  if (failure === undefined) {
    const last = history.lastFailure;
    const late = last !== undefined && last.kind !== 'notFound' && isLate(cloudJob, now, history);
    return late ? { kind: 'overdue', failure: last } : unchanged(cloudJob, job, now, undefined);
  }
  if (failure.kind === 'notFound') {
    if (isKnown(job)) {
      return { kind: 'jobVanished', failure: { ...failure, reason: 'JobVanished' } };
    }
    return { kind: graceLeft(cloudJob, now) > 0 ? 'jobNotFoundYet' : 'jobNotFound', failure };
  }
  if (isLate(cloudJob, now, history)) return { kind: 'overdue', failure };
  if (failure.kind === 'refused') return { kind: 'refused', failure };
  return unchanged(cloudJob, job, now, failure);
}

function isLate(cloudJob: CloudJob, now: number, history: History): boolean {
  return observationDeadlineLeft(cloudJob, now, history) <= 0;
}

/** The last look was good, and the job has not ended. */
function followed(cloudJob: CloudJob, job: JobSummary, now: number): Situation {
  if (activeDeadlineLeft(cloudJob, job, now) <= 0) return { kind: 'deadlineExceeded' };
  const phase = classifyPhase(job.phase);
  return phase === 'initializing' || phase === 'running' ? { kind: phase } : { kind: 'unknownPhase' };
}

/** Nothing new was learnt of the job, so what was known stands. */
function unchanged(
  cloudJob: CloudJob,
  job: JobSummary,
  now: number,
  failure: Failure | undefined,
): Situation {
  const conditions = cloudJob.status.conditions ?? [];
  const synced = findCondition(conditions, 'Synced');
  if (isSameQuestion(cloudJob)) {
    if (synced?.status === 'False') return { kind: 'asBefore', conditions };
    if (synced?.status === 'Unknown' && failure === undefined) return { kind: 'asBefore', conditions };
  }
  return isKnown(job) ? followed(cloudJob, job, now) : { kind: 'waiting', failure };
}
