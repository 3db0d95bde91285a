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
 * Why a condition is as it is, and what that means: a closed list, so that people, alerts and the troubleshooting guide
 * can count on it. metav1.Condition wants `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`. The meanings are printed in the docs.
 */
export const REASONS = {
  WaitingForCloud: 'Applied; the cloud has not answered yet.',
  JobInitializing: 'The cloud accepted the job and has not started it.',
  JobRunning: 'The job is under way.',
  JobSucceeded: 'The job has ended well.',
  JobFailed: 'The job has ended badly; the message names the deepest failed sub-job and its reason.',
  JobObserved: '`readyWhen: Observed`: the job is being followed, or was until it finished.',
  UnknownPhase:
    'The cloud answers with a phase that nobody documented; the job is followed until it ends. Stalled where it does not change for `observationDeadlineSeconds`.',
  CausesUnread:
    'The job has failed; sub-jobs that may tell the cause are still to be read, each once, when the budget allows.',
  JobRead: 'The last poll of the job was good.',
  JobNotFound: 'The cloud does not know the job, and never did while it was followed.',
  JobVanished: 'The cloud knew the job and no longer does, and it had not finished.',
  DeadlineExceeded: 'The job is unfinished `activeDeadlineSeconds` after its creation; it is still followed.',
  InvalidSpec: 'The spec cannot be used; the message names the field and what is allowed.',
  Suspended: '`spec.suspend` is true: the job is not polled.',
  CredentialsNotFound: 'The Secret does not exist, or the operator may not read it.',
  InvalidCredentials: 'The Secret is there and its keys make no credentials.',
  CredentialsRequired: 'The operator has no credentials of its own for this namespace.',
  CredentialsRejected: 'The cloud said 401: the credentials are wrong, expired or locked.',
  AccessDenied: 'The cloud said 403: the credentials are good and may not read the job.',
  CloudMisconfigured:
    'The endpoint answers, but not as the job API: wrong address, wrong form of the project, wrong method.',
  CloudThrottled: 'The cloud limits the rate of requests.',
  CloudUnavailable: 'The cloud cannot be reached, or fails.',
  MalformedResponse: 'The cloud answers 200, and yet not with this job.',
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

/** What a condition says now; absence of a type in the wanted list means that the condition is removed. */
export interface WantedCondition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** The longest condition message that is written, in UTF-16 code units. */
export const MAX_MESSAGE_LENGTH = 1024;
/** The most conditions that a status carries, those of others included; the API server refuses more. */
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
 * unless its status flips. Types this operator does not own are kept as they are, after its own, as far as there is
 * room for them.
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
