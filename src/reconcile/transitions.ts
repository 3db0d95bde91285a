import { findCondition, type Reason } from '../api/conditions.js';
import type { CloudJob, CloudJobStatus, SubJobStatus } from '../api/cloudjob.js';
import { failureOf } from './failure.js';
import type { Finding, History } from './finding.js';
import { isTracked } from './gitops.js';
import { classifyPhase, isTerminal } from './phase.js';
import { isKnown } from './summary.js';

/** Something that happened to a CloudJob, told once: as a Kubernetes Event and as a log line. */
export interface TransitionEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason:
    | 'Observed'
    | 'PhaseChanged'
    | 'SubJobFailed'
    | 'Succeeded'
    | 'Failed'
    | 'CredentialsRejected'
    | 'Throttled'
    | 'Stalled'
    | 'Recovered'
    | 'TTLIgnored';
  readonly message: string;
}

/** The most failed sub-jobs that one pass tells of one by one. */
const MAX_SUB_JOB_EVENTS = 5;
const CREDENTIAL_REASONS: ReadonlySet<string> = new Set<Reason>([
  'CredentialsNotFound',
  'InvalidCredentials',
  'CredentialsRequired',
  'CredentialsRejected',
  'AccessDenied',
]);

/** What is different between the status before and the status after a pass, in the words of Kubernetes Events. */
export function transitionEvents(
  cloudJob: CloudJob,
  after: CloudJobStatus,
  finding: Finding,
  history: History,
): TransitionEvent[] {
  const before = cloudJob.status;
  const message = after.message ?? '';
  const events: TransitionEvent[] = [];
  const tell = (type: TransitionEvent['type'], reason: TransitionEvent['reason'], text = message): void => {
    events.push({ type, reason, message: text });
  };

  const failure = failureOf(finding);
  if (failure?.reason === 'CloudThrottled' && history.lastFailure?.reason !== 'CloudThrottled') {
    tell('Warning', 'Throttled', failure.message);
  }
  if (
    failure !== undefined &&
    CREDENTIAL_REASONS.has(failure.reason) &&
    syncedReason(before) !== syncedReason(after)
  ) {
    tell('Warning', 'CredentialsRejected');
  }
  const stalledBefore = findCondition(before.conditions, 'Stalled');
  const stalledAfter = findCondition(after.conditions, 'Stalled');
  if (
    stalledAfter !== undefined &&
    stalledAfter.reason !== 'JobFailed' &&
    stalledAfter.reason !== stalledBefore?.reason
  ) {
    tell('Warning', 'Stalled');
  }
  if (finding.kind === 'job' && findCondition(before.conditions, 'Synced')?.status === 'False') {
    tell('Normal', 'Recovered', `The job is read from the cloud again. ${message}`);
  }

  if (!isKnown(before) && isKnown(after)) tell('Normal', 'Observed');
  else if (before.phase !== after.phase && after.phase !== undefined && !isTerminal(after.phase)) {
    tell('Normal', 'PhaseChanged');
  }
  const failed = newlyFailed(before, after);
  for (const subJob of failed.slice(0, MAX_SUB_JOB_EVENTS))
    tell('Warning', 'SubJobFailed', describeFailed(subJob));
  if (failed.length > MAX_SUB_JOB_EVENTS) {
    tell('Warning', 'SubJobFailed', `${failed.length - MAX_SUB_JOB_EVENTS} further sub-jobs have failed.`);
  }

  if (isTerminal(after.phase) && !isTerminal(before.phase)) {
    if (classifyPhase(after.phase) === 'succeeded') tell('Normal', 'Succeeded');
    else tell('Warning', 'Failed');
    const ttl = 'problems' in cloudJob.spec ? undefined : cloudJob.spec.ttlSecondsAfterFinished;
    if (ttl !== undefined && isTracked(cloudJob.metadata)) {
      tell(
        'Warning',
        'TTLIgnored',
        'spec.ttlSecondsAfterFinished is ignored: a GitOps tool tracks this CloudJob and would create it again. Remove the field, or the object from the tool.',
      );
    }
  }
  return events;
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

/** Sub-jobs have an ID on every cloud seen so far; one without is told apart by what it does and to what. */
function identity({ id, type, resourceName }: SubJobStatus): string {
  return id ?? `${type}/${resourceName}`;
}
