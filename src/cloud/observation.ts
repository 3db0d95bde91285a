import type { Reason } from '../api/conditions.js';
import type { JobRead } from './client.js';
import type { CloudError } from './errors.js';
import { describeError, REACTIONS, type FailureKind, type Retry } from './reactions.js';

/** Why there are no credentials to call the cloud with. */
export type CredentialsReason = 'CredentialsNotFound' | 'InvalidCredentials' | 'CredentialsRequired';

/** The result of one poll of a job. */
export type Observation =
  /** The cloud answered with the job. */
  | JobRead
  /** The cloud failed, or is known to fail. */
  | { readonly kind: 'error'; readonly error: CloudError }
  /** No call was made, or its answer has not arrived yet. */
  | { readonly kind: 'nothing' }
  /** There are no credentials to call the cloud with. */
  | { readonly kind: 'noCredentials'; readonly reason: CredentialsReason; readonly message: string }
  /** The spec names something that the operator does not have, such as a region. */
  | { readonly kind: 'invalidSpec'; readonly message: string };

/** A poll that failed. */
export interface Failure {
  readonly kind: FailureKind;
  readonly reason: Reason;
  readonly message: string;
  readonly retry: Retry;
  /** The cloud's, for logs only: it differs on every call. */
  readonly requestID?: string;
}

/** How often the operator retries to find credentials. The retries of cloud calls are in `REACTIONS`. */
const CREDENTIALS_RETRIES: Readonly<Record<CredentialsReason, Retry>> = {
  // Cheap to check, and somebody who is watching usually corrects it.
  CredentialsNotFound: { firstSeconds: 2, lastSeconds: 30 },
  InvalidCredentials: { firstSeconds: 2, lastSeconds: 30 },
  // Only another spec (polled at once) or a restart with another config corrects it.
  CredentialsRequired: { firstSeconds: 30, lastSeconds: 300 },
};

/** Of what the operator itself holds back: such a poll costs no call, and many CloudJobs must not come all at once. */
const HELD_RETRY: Retry = { firstSeconds: 2, lastSeconds: 60 };

/** The failure in an observation, if it is one. */
export function failureOf(observation: Observation): Failure | undefined {
  switch (observation.kind) {
    case 'error':
      return failureOfError(observation.error);
    case 'noCredentials': {
      const { reason, message } = observation;
      return { kind: 'refused', reason, message, retry: CREDENTIALS_RETRIES[reason] };
    }
    case 'job':
    case 'nothing':
    case 'invalidSpec':
      return undefined;
  }
}

function failureOfError(error: CloudError): Failure {
  const { kind, reason, retry: afterCall } = REACTIONS[error.class];
  const { problem, remedy, detail } = describeError(error);
  const retry = error.class === 'transient' && error.local === true ? HELD_RETRY : afterCall;
  const { requestID } = error;
  const message = `${problem}; ${remedy} (${detail})`;
  return { kind, reason, message, retry, ...(requestID !== undefined && { requestID }) };
}
