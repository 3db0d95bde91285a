import { findCondition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { classifyPhase, isTerminal } from './phase.js';
import type { Finding } from './finding.js';
import { JOB_FIELDS, type JobSummary } from './summary.js';

/**
 * The CloudJob without what its status tells of another job. The CRD forbids to change `jobID`, but an API server too
 * old for such rules lets it happen, and job A's state must never be shown for job B.
 */
export function aboutItsJob(cloudJob: CloudJob): CloudJob {
  const { spec, status } = cloudJob;
  if (spec.jobID === undefined || status.jobID === undefined || status.jobID === spec.jobID) return cloudJob;
  const { lastHandledReconcileAt } = status;
  return { ...cloudJob, status: lastHandledReconcileAt === undefined ? {} : { lastHandledReconcileAt } };
}

/** Whether the status was written for this very spec, and looking at the job has not been suspended since. */
export function isSameQuestion({ metadata, status }: CloudJob): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    findCondition(status.conditions, 'Suspended') === undefined
  );
}

/** What the status tells of the job; `{}` when that is nothing. */
export function knownJob({ status }: CloudJob): JobSummary {
  const known: Record<string, unknown> = {};
  for (const field of JOB_FIELDS) {
    if (status[field] !== undefined) known[field] = status[field];
  }
  return known;
}

/** Whether the job is known to have ended. Nobody asks about such a job again, unless somebody insists. */
export function isFinished({ status }: CloudJob): boolean {
  return isTerminal(status.phase);
}

/** What is known of the job after this finding. */
export function learn(cloudJob: CloudJob, finding: Finding): JobSummary {
  const known = knownJob(cloudJob);
  if (finding.kind !== 'job' || cloudJob.spec.jobID === undefined) return known;
  const fresh = finding.summary;
  // A finished job stays as it ended, whatever the cloud says later.
  const contradicts = isTerminal(known.phase) && classifyPhase(fresh.phase) !== classifyPhase(known.phase);
  return contradicts ? known : fresh;
}
