import { MAX_MESSAGE_LENGTH } from '../api/conditions.js';
import { SPEC_DEFAULTS, type CloudJob, type SubJobStatus } from '../api/cloudjob.js';
import { cleanText } from '../text.js';
import { classifyPhase } from '../cloud/phase.js';
import { readableSpec } from './cloudJob.js';
import type { JobState } from './jobState.js';
import type { JobSummary } from './summary.js';

/**
 * One line for a person: what is known, and for a failure the deepest cause. Made only from the status, so that it stays
 * the same when the job is not polled again.
 */
export function describeState(
  state: Exclude<JobState, { kind: 'asBefore' }>,
  cloudJob: CloudJob,
  job: JobSummary,
): string {
  return cleanText(sentence(state, cloudJob, job), MAX_MESSAGE_LENGTH, 'middle');
}

function sentence(
  state: Exclude<JobState, { kind: 'asBefore' }>,
  cloudJob: CloudJob,
  job: JobSummary,
): string {
  const { spec } = cloudJob;
  const { clusterType = SPEC_DEFAULTS.clusterType } = readableSpec(cloudJob);
  switch (state.kind) {
    case 'waiting':
      return state.failure === undefined
        ? `Waiting for the cloud's first answer about job ${spec.jobID}.`
        : `Still waiting for the cloud's first answer about job ${spec.jobID}: ${state.failure.message}.`;
    case 'initializing':
      return `${nameOf(job)} has not started yet.`;
    case 'running':
      return `${nameOf(job)} is running${progressOf(job)}.`;
    case 'unknownPhase':
      return job.phase === undefined
        ? `${nameOf(job)} has no phase yet; it is followed until it has one that ends it.`
        : `${nameOf(job)} is in the undocumented phase "${job.phase}"; it is followed until it ends.`;
    case 'unknownPhaseOverdue': {
      const phase = job.phase === undefined ? 'no phase' : `the undocumented phase "${job.phase}"`;
      return `${nameOf(job)} has ${phase} and has not changed for spec.observationDeadlineSeconds; check in the cloud whether it has ended. It is still followed.`;
    }
    case 'succeeded':
      return `${nameOf(job)} has succeeded.`;
    case 'failed':
      return `${nameOf(job)} has failed: ${causeOf(job)}`;
    case 'deadlineExceeded':
      return `${nameOf(job)} is still unfinished after spec.activeDeadlineSeconds${progressOf(job)}; it is still followed.`;
    case 'jobNotFoundYet':
      return `The cloud does not know job ${spec.jobID} of ${clusterType} clusters yet; a new job may take a moment to appear.`;
    case 'jobNotFound':
      return `The cloud does not know job ${spec.jobID} of ${clusterType} clusters. Check spec.jobID, spec.projectID, spec.region and spec.clusterType; old jobs are forgotten by the cloud.`;
    case 'jobVanished':
      return `The cloud no longer knows job ${spec.jobID}, last seen ${job.phase === undefined ? 'without a phase' : `in phase "${job.phase}"`}; it may have been deleted. Its outcome is unknown.`;
    case 'refused':
      return `${state.failure.message}.`;
    case 'overdue':
      return `The job was not observed within spec.observationDeadlineSeconds: ${state.failure.message}.`;
    case 'invalidSpec':
      return `The spec cannot be used: ${state.problem}`;
    case 'suspended':
      return 'The job is not polled while spec.suspend is true.';
  }
}

/** `CreateCluster of prod`, as far as the cloud gives the names. */
function nameOf({ type, resourceName }: JobSummary): string {
  return `${type ?? 'The job'}${resourceName === undefined ? '' : ` of ${resourceName}`}`;
}

function progressOf({ progress, subJobs }: JobSummary): string {
  if (progress === undefined || subJobs === undefined) return '';
  const failed = progress.failed === 0 ? '' : `, ${progress.failed} failed`;
  return `: ${progress.succeeded} of ${progress.total} sub-jobs have succeeded${failed}`;
}

/** The reason of the deepest failed sub-job with a reason (the first among equals), else the job's own. */
function causeOf({ subJobs = [], reason }: JobSummary): string {
  const parents = new Map(subJobs.map(({ id, parentID }) => [id, parentID]));
  let deepest: { readonly subJob: SubJobStatus; readonly depth: number } | undefined;
  for (const subJob of subJobs) {
    if (classifyPhase(subJob.phase) !== 'failed' || subJob.reason === undefined) continue;
    const depth = depthOf(subJob, parents);
    if (deepest === undefined || depth > deepest.depth) deepest = { subJob, depth };
  }
  if (deepest === undefined) return reason ?? 'the cloud gives no reason.';
  const { type, resourceName, reason: cause } = deepest.subJob;
  const place = [type, resourceName].filter((part) => part !== undefined).join(' of ');
  return place === '' ? `${cause}` : `${place}: ${cause}`;
}

function depthOf(subJob: SubJobStatus, parents: ReadonlyMap<string | undefined, string | undefined>): number {
  let depth = 0;
  // The cloud's IDs may not form a tree, so a chain ends at the length of the list.
  for (let id = subJob.parentID; id !== undefined && depth <= parents.size; id = parents.get(id)) depth += 1;
  return depth;
}
