import type { Reason } from '../api/conditions.js';
import type { CloudError } from '../cloud/errors.js';
import { REACTIONS, type FailureKind, type Retry } from '../cloud/reactions.js';
import type { CredentialsReason, Finding } from './finding.js';

/** A look that told nothing of the job. */
export interface Failure {
  readonly kind: FailureKind;
  readonly reason: Reason;
  readonly message: string;
  readonly retry: Retry;
}

/** Before the cloud is asked at all: how often it is tried to find credentials. What the cloud answers is in `REACTIONS`. */
const CREDENTIALS_RETRIES: Readonly<Record<CredentialsReason, Retry>> = {
  // Cheap to look at, and usually mended by somebody who is watching.
  CredentialsNotFound: { firstSeconds: 2, lastSeconds: 30 },
  InvalidCredentials: { firstSeconds: 2, lastSeconds: 30 },
  // Mended only by another spec, which is looked at at once, or by a restart with another config.
  CredentialsRequired: { firstSeconds: 30, lastSeconds: 300 },
};

/** The failure in a finding, if it is one. */
export function failureOf(finding: Finding): Failure | undefined {
  switch (finding.kind) {
    case 'error':
      return describe(finding.error);
    case 'credentials': {
      const { reason, message } = finding;
      return { kind: 'refused', reason, message, retry: CREDENTIALS_RETRIES[reason] };
    }
    default:
      return undefined;
  }
}

function describe({ class: errorClass, code, message }: CloudError): Failure {
  const { kind, reason, meaning, retry } = REACTIONS[errorClass];
  return {
    kind,
    reason,
    message: `${meaning} (${code === undefined ? '' : `${code}: `}${message})`,
    retry,
  };
}
