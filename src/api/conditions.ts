import { cutText } from '../text.js';

/** The condition types of a CloudJob, in the order in which they are written. */
export const CONDITION_TYPES = [
  'Ready',
  'Succeeded',
  'Finished',
  'Settled',
  'Synced',
  'Reconciling',
  'Stalled',
  'Suspended',
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/**
 * The reasons of conditions and what they mean. The list is closed: people, alerts and the troubleshooting guide depend
 * on it. metav1.Condition requires `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`. The docs print the meanings.
 */
export const REASONS = {
  WaitingForCloud: 'Applied; the cloud has not answered yet.',
  JobInitializing: 'The cloud accepted the job and has not started it.',
  JobRunning: 'The job is under way.',
  JobSucceeded: 'The job has ended well.',
  JobFailed: 'The job has ended badly; the message names the deepest failed sub-job and its reason.',
  JobObserved: '`readyWhen: Observed`: the job is being followed, or was until it finished.',
  UnknownPhase:
    'The cloud reports a phase that is not documented; the job is followed until it ends. Stalled if it does not change for `observationDeadlineSeconds`.',
  CausesUnread:
    'The job has failed; the operator still has to read sub-jobs that may give the cause, each once, when the budget allows.',
  JobRead: 'The last poll of the job was good.',
  JobNotFound: 'The cloud does not know the job, and has not known it since the operator follows it.',
  JobVanished: 'The cloud knew the job and no longer knows it; the job had not finished.',
  DeadlineExceeded: 'The job is unfinished `activeDeadlineSeconds` after its creation; it is still followed.',
  InvalidSpec: 'The spec cannot be used; the message names the field and what is allowed.',
  Suspended: '`spec.suspend` is true: the job is not polled.',
  CredentialsNotFound: 'The Secret does not exist, or the operator may not read it.',
  InvalidCredentials: 'The Secret exists, but its keys are not usable as credentials.',
  CredentialsRequired: 'The operator has no credentials of its own for this namespace.',
  CredentialsRejected: 'The cloud answered 401: the credentials are wrong, expired or locked.',
  AccessDenied: 'The cloud answered 403: the credentials are valid but may not read the job.',
  CloudMisconfigured:
    'The endpoint answers, but not as the job API: wrong address, wrong form of the project, wrong method.',
  CloudThrottled: 'The cloud limits the rate of requests.',
  CloudUnavailable:
    'The cloud cannot be reached, or fails, or something between it and the operator answers instead.',
  MalformedResponse: 'The cloud answers 200, but not with this job.',
} as const;

export type Reason = keyof typeof REASONS;

/** metav1.Condition, as CloudJobs use it. */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  /** The `metadata.generation` that the condition is about. */
  readonly observedGeneration?: number | undefined;
  /** When `status` last flipped, RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** A condition as it is now. A condition whose type is not in the wanted list is removed. */
export interface WantedCondition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** The longest condition message that is written, in UTF-16 code units. */
export const MAX_MESSAGE_LENGTH = 1024;
/** The most conditions that a status carries, including those of other writers; the API server refuses more. */
export const MAX_CONDITIONS = 32;

/** The condition of that type, if present. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The list to write: the wanted conditions in house order, each with `lastTransitionTime` kept from `previous`
 * unless its status flips. Types that this operator does not own are kept unchanged, after its own, as far as they fit.
 *
 * @param now milliseconds since the epoch
 */
export function mergeConditions(
  previous: readonly Condition[],
  wanted: readonly WantedCondition[],
  observedGeneration: number,
  now: number,
): Condition[] {
  const owned = new Set<string>(CONDITION_TYPES);
  const merged: Condition[] = [];
  for (const type of CONDITION_TYPES) {
    const want = wanted.find((condition) => condition.type === type);
    if (want === undefined) continue;
    const before = findCondition(previous, type);
    merged.push({
      type,
      status: want.status,
      observedGeneration,
      lastTransitionTime:
        before !== undefined && before.status === want.status
          ? before.lastTransitionTime
          : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
      reason: want.reason,
      message: cutText(want.message, MAX_MESSAGE_LENGTH),
    });
  }
  return [...merged, ...previous.filter(({ type }) => !owned.has(type))].slice(0, MAX_CONDITIONS);
}
