import type { Reason } from '../api/conditions.js';
import type { CloudError, CloudErrorClass } from '../cloud/errors.js';
import type { Finding } from './finding.js';

/**
 * A look that told nothing of the job:
 * - `notFound`: the cloud does not know the job.
 * - `refused`: it will go on until somebody changes something (credentials, permissions, the endpoint).
 * - `unreachable`: it may pass by itself.
 */
export interface Failure {
  readonly kind: 'notFound' | 'refused' | 'unreachable';
  readonly reason: Reason;
  readonly message: string;
}

const BY_CLASS: Readonly<
  Record<
    CloudErrorClass,
    { readonly kind: Failure['kind']; readonly reason: Reason; readonly meaning: string }
  >
> = {
  notFound: {
    kind: 'notFound',
    reason: 'JobNotFound',
    meaning: 'The cloud does not know the job',
  },
  unauthorized: {
    kind: 'refused',
    reason: 'CredentialsRejected',
    meaning: 'The cloud rejects the credentials; renew them in the Secret',
  },
  forbidden: {
    kind: 'refused',
    reason: 'AccessDenied',
    meaning: 'The credentials may not read the job; grant them the action cce:job:get in the project',
  },
  misconfigured: {
    kind: 'refused',
    reason: 'CloudMisconfigured',
    meaning:
      "The region's endpoint does not answer as the job API; check spec.projectID and the region's address",
  },
  throttled: {
    kind: 'unreachable',
    reason: 'CloudThrottled',
    meaning: 'The cloud limits the rate of requests; the operator slows down and tries again',
  },
  transient: {
    kind: 'unreachable',
    reason: 'CloudUnavailable',
    meaning: 'The cloud cannot be reached; the operator tries again',
  },
  malformed: {
    kind: 'unreachable',
    reason: 'MalformedResponse',
    meaning: 'The cloud answered with something that is not a job; the operator tries again',
  },
};

/** The failure in a finding, if it is one. */
export function failureOf(finding: Finding): Failure | undefined {
  switch (finding.kind) {
    case 'error':
      return describe(finding.error);
    case 'credentials':
      return { kind: 'refused', reason: finding.reason, message: finding.message };
    default:
      return undefined;
  }
}

function describe({ class: errorClass, code, message }: CloudError): Failure {
  const { kind, reason, meaning } = BY_CLASS[errorClass];
  return { kind, reason, message: `${meaning} (${code === undefined ? '' : `${code}: `}${message})` };
}
