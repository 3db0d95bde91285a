/**
 * What went wrong, in the only terms that the rest of the operator reacts to:
 * - `throttled`: 429; wait.
 * - `transient`: 5xx, network, timeouts, 408, 409; try again.
 * - `unauthorized`: 401; the credentials are wrong, expired or locked.
 * - `forbidden`: 403; the credentials are good and may not read the job.
 * - `notFound`: CCE itself does not know the job.
 * - `misconfigured`: the gateway's own 404, 400, 405 …: this is not the job API's address.
 * - `malformed`: 200, and yet not a job.
 */
export type CloudErrorClass =
  'throttled' | 'transient' | 'unauthorized' | 'forbidden' | 'notFound' | 'misconfigured' | 'malformed';

/** A failed look at the cloud. Made at the client's edge; carries no request, no header and no secret. */
export interface CloudError {
  readonly class: CloudErrorClass;
  /** For people: one line, bounded, without secrets, and the same text when the same thing happens again. */
  readonly message: string;
  /** The cloud's own code, for example `CCE.01404001` or `APIGW.0308`. */
  readonly code?: string;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number;
  /** For logs only: it differs on every call. */
  readonly requestID?: string;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number;
}
