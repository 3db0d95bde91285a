import { findCondition, type Reason } from '../api/conditions.js';
import type { CloudJob, CloudJobStatus, SubJobStatus } from '../api/cloudjob.js';
import { isUnverified, readableSpec } from './cloudJob.js';
import { TTL_ANNOTATION } from '../api/keeper.js';
import type { History } from './jobState.js';
import { failureOf, type Observation } from '../cloud/observation.js';
import { classifyPhase, isTerminal } from '../cloud/phase.js';
import { isKnown } from './summary.js';

/** Something that happened to a CloudJob, recorded once: as a Kubernetes Event and as a log line. */
export interface Transition {
  readonly type: 'Normal' | 'Warning';
  readonly reason:
    | 'Observed'
    | 'PhaseChanged'
    | 'Restarted'
    | 'SubJobFailed'
    | 'Succeeded'
    | 'Failed'
    | 'CredentialsRejected'
    | 'Throttled'
    | 'Stalled'
    | 'Recovered'
    | 'TTLIgnored'
    | 'StatusOverwritten';
  readonly message: string;
  /**
   * Identifies it among all transitions of the object. Made from the status before and the essential part of the observation:
   * a pass that starts again, even in another process and with a later observation, gets the same key.
   */
  readonly key: string;
  /** The cloud's request ID of the failed poll behind it: for the log only, where the cloud's support finds it. */
  readonly requestID?: string;
}

/** The most failed sub-jobs that one pass records separately. */
const MAX_SUB_JOB_EVENTS = 5;
const CREDENTIAL_REASONS: ReadonlySet<string> = new Set<Reason>([
  'CredentialsNotFound',
  'InvalidCredentials',
  'CredentialsRequired',
  'CredentialsRejected',
  'AccessDenied',
]);

/** The differences between the status before and after a pass, as Kubernetes Events. */
export function transitionsBetween(
  cloudJob: CloudJob,
  after: CloudJobStatus,
  observation: Observation,
  history: History,
): Transition[] {
  const before = cloudJob.status;
  const message = after.message ?? '';
  const transitions: Transition[] = [];
  const add = (
    type: Transition['type'],
    reason: Transition['reason'],
    about: readonly unknown[],
    text = message,
    requestID?: string,
  ): void => {
    const key = JSON.stringify([reason, ...about]);
    transitions.push({ type, reason, message: text, key, ...(requestID !== undefined && { requestID }) });
  };
  const { jobID } = after;
  /** Identifies a trouble: between two troubles there is a time without one. */
  const trouble = [after.observedGeneration, sinceSynced(before)];
  /** Identifies an end: between two ends of a job the cloud runs it again. The cloud's time of it is the same for a stale copy. */
  const outcome = [
    jobID,
    after.completionTime ??
      (sinceSynced(before) && findCondition(before.conditions, 'Succeeded')?.lastTransitionTime),
  ];

  if (history.isOverwritten === true) {
    add(
      'Warning',
      'StatusOverwritten',
      [jobID],
      'Somebody else has written over this status: a second operator with other settings, a person or a tool. Let one operator alone write it.',
    );
  }
  const failure = failureOf(observation);
  if (failure?.reason === 'CloudThrottled' && history.lastFailure?.reason !== 'CloudThrottled') {
    add('Warning', 'Throttled', trouble, failure.message, failure.requestID);
  }
  if (
    failure !== undefined &&
    CREDENTIAL_REASONS.has(failure.reason) &&
    syncedReason(before) !== syncedReason(after)
  ) {
    add('Warning', 'CredentialsRejected', [...trouble, failure.reason], message, failure.requestID);
  }
  const stalledBefore = findCondition(before.conditions, 'Stalled');
  const stalledAfter = findCondition(after.conditions, 'Stalled');
  if (
    stalledAfter !== undefined &&
    stalledAfter.reason !== 'JobFailed' &&
    stalledAfter.reason !== stalledBefore?.reason
  ) {
    // A deadline may pass between two polls: then the last poll has failed.
    const cause = isUnread(after) ? (failure ?? history.lastFailure) : undefined;
    add('Warning', 'Stalled', [...trouble, stalledAfter.reason], message, cause?.requestID);
  }
  if (observation.kind === 'job' && isUnread(before)) {
    add('Normal', 'Recovered', trouble, `The job is read from the cloud again. ${message}`);
  }

  if (!isKnown(before) && isKnown(after)) add('Normal', 'Observed', [jobID]);
  else if (isTerminal(before.phase) && !isTerminal(after.phase) && !isUnverified(cloudJob)) {
    add('Normal', 'Restarted', outcome, `The cloud runs the job again. ${message}`);
  } else if (before.phase !== after.phase && after.phase !== undefined && !isTerminal(after.phase)) {
    add('Normal', 'PhaseChanged', [jobID, before.phase, before.updateTime, after.phase]);
  }
  const failed = newlyFailed(before, after);
  for (const subJob of failed.slice(0, MAX_SUB_JOB_EVENTS))
    add('Warning', 'SubJobFailed', [jobID, identity(subJob)], describeFailed(subJob));
  if (failed.length > MAX_SUB_JOB_EVENTS) {
    const further = `${failed.length - MAX_SUB_JOB_EVENTS} further sub-jobs have failed.`;
    add('Warning', 'SubJobFailed', [jobID, 'further', failedSubJobs(before).length], further);
  }

  if (isTerminal(after.phase) && classifyPhase(after.phase) !== classifyPhase(before.phase)) {
    if (classifyPhase(after.phase) === 'succeeded') add('Normal', 'Succeeded', outcome);
    else add('Warning', 'Failed', outcome);
    const { ttlSecondsAfterFinished } = readableSpec(cloudJob);
    const { keeper } = cloudJob.metadata;
    if (ttlSecondsAfterFinished !== undefined && keeper !== undefined) {
      add(
        'Warning',
        'TTLIgnored',
        [jobID],
        `spec.ttlSecondsAfterFinished is ignored: ${keeper} may create this CloudJob again. Remove the field; or, if nothing creates it again, set the annotation ${TTL_ANNOTATION}: always.`,
      );
    }
  }
  return transitions;
}

/** Since when the job can, or cannot, be read; undefined before the first poll. */
function sinceSynced({ conditions }: CloudJobStatus): string | undefined {
  const synced = findCondition(conditions, 'Synced');
  return synced?.status === 'Unknown' ? undefined : synced?.lastTransitionTime;
}

/** Whether the job cannot be read. */
function isUnread({ conditions }: CloudJobStatus): boolean {
  return findCondition(conditions, 'Synced')?.status === 'False';
}

function syncedReason(status: CloudJobStatus): string | undefined {
  return findCondition(status.conditions, 'Synced')?.reason;
}

function newlyFailed(before: CloudJobStatus, after: CloudJobStatus): SubJobStatus[] {
  const known = new Set(failedSubJobs(before).map(identity));
  return failedSubJobs(after).filter((subJob) => !known.has(identity(subJob)));
}

function failedSubJobs({ subJobs = [] }: CloudJobStatus): SubJobStatus[] {
  return subJobs.filter(({ phase }) => classifyPhase(phase) === 'failed');
}

function describeFailed({ id, type, resourceName, reason }: SubJobStatus): string {
  const name = [type ?? 'Sub-job', resourceName ?? id].filter((part) => part !== undefined).join(' ');
  return `${name} has failed: ${reason ?? 'the cloud gives no reason.'}`;
}

/** Sub-jobs have an ID on every cloud seen so far; one without an ID is identified by type and resource. */
function identity({ id, type, resourceName }: SubJobStatus): string {
  return id ?? `${type}/${resourceName}`;
}
