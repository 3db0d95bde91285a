import type { Reason } from '../api/conditions.js';
import type { JobRead } from './client.js';
import type { CloudError } from './errors.js';

import { REACTIONS, type FailureKind, type Retry } from './reactions.js';

/** Why there are no credentials to call the cloud with. */
export type CredentialsReason = 'CredentialsNotFound' | 'InvalidCredentials' | 'CredentialsRequired';

/** What one poll of a job came to. */
export type Observation =
  /** The cloud answered with the job. */
  | JobRead
  /** The cloud failed to, or is known to fail. */
  | { readonly kind: 'error'; readonly error: CloudError }
  /** No call was made, or its answer is still to come. */
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
}

/** How often it is tried to find credentials. How often the cloud is called again is in `REACTIONS`. */
const CREDENTIALS_RETRIES: Readonly<Record<CredentialsReason, Retry>> = {
  // Cheap to check, and usually mended by somebody who is watching.
  CredentialsNotFound: { firstSeconds: 2, lastSeconds: 30 },
  InvalidCredentials: { firstSeconds: 2, lastSeconds: 30 },
  // Mended only by another spec, which is polled at once, or by a restart with another config.
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
  const { kind, reason, meaning: ofClass, retry: afterCall } = REACTIONS[error.class];
  const { meaning = ofClass } = error;
  const retry = error.class === 'transient' && error.local === true ? HELD_RETRY : afterCall;
  const detail = error.code === undefined ? error.message : `${error.code}: ${error.message}`;
  return { kind, reason, message: `${meaning} (${detail})`, retry };
}
