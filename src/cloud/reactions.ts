import type { Reason } from '../api/conditions.js';
import type { CloudError, CloudErrorClass, Meaning } from './errors.js';

/** Failures are retried at first after `firstSeconds`, then twice as late each time, up to `lastSeconds`. */
export interface Retry {
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

/**
 * What a failed poll means for the CloudJob:
 * - `notFound`: the cloud does not know the job.
 * - `refused`: it will go on until somebody changes something (credentials, permissions, the endpoint).
 * - `unreachable`: it may pass by itself.
 */
export type FailureKind = 'notFound' | 'refused' | 'unreachable';

/** A class of errors and what it does. */
export interface Reaction {
  /** The cloud's behaviour, for people. */
  readonly when: string;
  /** Conditions: which rows of `reconcile/conditions.ts` they take, with this reason and what it means. */
  readonly kind: FailureKind;
  readonly reason: Reason;
  readonly meaning: Meaning;
  /** When this CloudJob is polled again; never before `Retry-After`. */
  readonly retry: Retry;
  /** Budget: what the requests of the credential in the region and project do: go on, wait for `Retry-After`, or wait and then go slower. */
  readonly budget: 'goOn' | 'pause' | 'slowDown';
  /**
   * Breaker: which one it counts towards. `scope`, that of the credential in its project and region, only where the server
   * failed or did not answer.
   */
  readonly breaker: 'none' | 'scope' | 'credential';
}

/** The one table of reactions: conditions, cadence, budget and breaker of each class of errors; the docs print it. */
export const REACTIONS: Readonly<Record<CloudErrorClass, Reaction>> = {
  throttled: {
    when: '429, or a code of throttling under another status',
    kind: 'unreachable',
    reason: 'CloudThrottled',
    meaning: {
      problem: 'The cloud limits the rate of requests',
      remedy: 'the operator slows down and tries again',
    },
    retry: { firstSeconds: 5, lastSeconds: 60 },
    budget: 'slowDown',
    breaker: 'none',
  },
  transient: {
    when: '5xx, 408, 409, 425, no answer in time, a broken connection; any other status without a code of CCE, the gateway or IAM: something in between answered',
    kind: 'unreachable',
    reason: 'CloudUnavailable',
    meaning: { problem: 'The cloud cannot be reached', remedy: 'the operator tries again' },
    // Soon: while some calls succeed, each job needs a few attempts. If none does, the breaker holds them back.
    retry: { firstSeconds: 2, lastSeconds: 10 },
    budget: 'pause',
    breaker: 'scope',
  },
  malformed: {
    when: '200, and yet not this job',
    kind: 'unreachable',
    reason: 'MalformedResponse',
    meaning: {
      problem: 'The cloud answered with something that is not a job',
      remedy: 'the operator tries again',
    },
    retry: { firstSeconds: 2, lastSeconds: 60 },
    budget: 'goOn',
    breaker: 'none',
  },
  unauthorized: {
    when: '401 with such a code, or a locked access key: the credentials are wrong, expired or locked',
    kind: 'refused',
    reason: 'CredentialsRejected',
    meaning: { problem: 'The cloud rejects the credentials', remedy: 'renew them in the Secret' },
    // Few attempts: the cloud locks a key after more than five failed signatures, counted for all users of the key.
    // Soon: a credential that is held back costs no call, and a renewed one must be noticed within seconds.
    retry: { firstSeconds: 5, lastSeconds: 10 },
    budget: 'goOn',
    breaker: 'credential',
  },
  forbidden: {
    when: '403 with such a code: the credentials are good and may not read the job',
    kind: 'refused',
    reason: 'AccessDenied',
    meaning: {
      problem: 'The credentials may not read the job',
      remedy: 'grant them the action cce:job:get in the project',
    },
    retry: { firstSeconds: 15, lastSeconds: 120 },
    budget: 'goOn',
    breaker: 'none',
  },
  misconfigured: {
    when: "the gateway's own 404, any other 4xx with such a code: not the address of the job API; a certificate that is not to be trusted",
    kind: 'refused',
    reason: 'CloudMisconfigured',
    meaning: {
      problem: "The region's endpoint does not answer as the job API",
      remedy: "check spec.projectID, and the region's address and certificate",
    },
    retry: { firstSeconds: 15, lastSeconds: 120 },
    budget: 'goOn',
    breaker: 'none',
  },
  notFound: {
    when: '404 or 410 of CCE itself: it does not know the job',
    kind: 'notFound',
    reason: 'JobNotFound',
    meaning: {
      problem: 'The cloud does not know the job',
      remedy: 'check spec.jobID, spec.projectID, spec.region and spec.clusterType',
    },
    retry: { firstSeconds: 2, lastSeconds: 60 },
    budget: 'goOn',
    breaker: 'none',
  },
};

/** What an error means and what to do, and `detail`: the cloud's own code and words. All without full stops. */
export function describeError({ class: errorClass, meaning, code, message }: CloudError): Meaning & {
  readonly detail: string;
} {
  const detail = code === undefined ? message : `${code}: ${message}`;
  return { ...(meaning ?? REACTIONS[errorClass].meaning), detail };
}
