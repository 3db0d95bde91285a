import { isRecord } from '../json.js';

/** `KubeError.reason` of failures without an answer of the API; their `status` is 0. */
export type LocalReason =
  | 'Canceled'
  | 'ConnectionFailed'
  | 'CredentialsUnavailable'
  | 'DeadlineExceeded'
  | 'Expired'
  | 'InvalidRequest'
  | 'MalformedResponse'
  | 'NotLeading'
  | 'ResponseTooLarge'
  | 'Stalled';

/** The longest message that is copied from a server, in UTF-16 code units. */
const MAX_SERVER_MESSAGE = 1024;

/**
 * A request to the Kubernetes API that failed. Made where the failure is first seen, from the API's `Status` body
 * or with a message of its own. It carries no header, no token, no request or response body and no foreign error.
 */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0 when there was no answer, or none that could be read. */
  readonly status: number;
  /** metav1.Status `reason` (`NotFound`, `Conflict`, `Expired` …), the cause `ResourceVersionTooLarge`, or a `LocalReason`. */
  readonly reason: string;
  /** From `Retry-After` or the Status' `retryAfterSeconds`, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

/** A failure on this side of the wire. */
export function localError(reason: LocalReason, message: string): KubeError {
  return new KubeError(0, reason, message);
}

/** True for a `LocalReason` of exactly that kind. */
export function isLocal(error: unknown, reason: LocalReason): boolean {
  return error instanceof KubeError && error.status === 0 && error.reason === reason;
}

/**
 * 404: the API server knows the resource, but not the object. An API server that does not serve the resource at the moment
 * (after its start) answers 404 without a Status: the object may exist then.
 */
export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404 && error.reason === 'NotFound';
}

/** A 404 without a Status: the API server does not serve the resource, or not yet. */
export function isNotServed(error: unknown): boolean {
  return hasStatus(error, 404) && !isNotFound(error);
}

/** 409: a stale resourceVersion or a failed precondition; see `isAlreadyExists` for the other 409. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409) && !isAlreadyExists(error);
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KubeError && error.reason === 'AlreadyExists';
}

/**
 * The caller must list again. 410: the resourceVersion or continue token is too old. 504: the server does not have the
 * version yet, as after a restore of etcd.
 */
export function isGone(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return error.status === 410 || error.reason === 'Expired' || error.reason === VERSION_TOO_LARGE;
}

export function isTooManyRequests(error: unknown): boolean {
  return hasStatus(error, 429);
}

export function isUnauthorized(error: unknown): boolean {
  return hasStatus(error, 401);
}

export function isForbidden(error: unknown): boolean {
  return hasStatus(error, 403);
}

/** 413, or the messages for the limits of etcd and gRPC: the object is too large, and a retry cannot help. */
export function isTooLarge(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return error.status === 413 || (error.status >= 400 && TOO_LARGE.test(error.message));
}

/** The cause in a 504 for a version from the future; the reason of the 504 is `Timeout`, as for all timeouts. */
const VERSION_TOO_LARGE = 'ResourceVersionTooLarge';
/** The message for a 404 without a Status. */
const NOT_SERVED = 'nothing is served there; is the CustomResourceDefinition installed?';

/** The messages of etcd and of gRPC on the way to it; both arrive as a 500. */
const TOO_LARGE = /etcdserver: request is too large|message larger than max/;

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}

/**
 * The error for an answer. The message is copied only from a metav1.Status: any other body (for example a proxy's HTML)
 * may echo the request with its token.
 *
 * @param what the request in short, without its query: `GET /api/v1/namespaces/default/secrets/a`
 * @param body the parsed body, if it was JSON
 * @param retryAfterMs from the `Retry-After` header
 */
export function fromResponse(status: number, what: string, body: unknown, retryAfterMs?: number): KubeError {
  const answer = readStatus(body);
  const reason = answer?.reason ?? `HTTP${status}`;
  const words = answer === undefined && status === 404 ? NOT_SERVED : answer?.message;
  const message = words === undefined ? '' : `: ${words}`;
  return new KubeError(
    status,
    reason,
    `${what}: ${status} ${reason}${message}`,
    retryAfterMs ?? answer?.retryAfterMs,
  );
}

/** The error for the `Status` object of a watch's ERROR event. */
export function fromStatusObject(what: string, body: unknown): KubeError {
  const code = isRecord(body) && typeof body['code'] === 'number' ? body['code'] : 500;
  return fromResponse(code, what, body);
}

interface StatusAnswer {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly retryAfterMs: number | undefined;
}

function readStatus(body: unknown): StatusAnswer | undefined {
  if (!isRecord(body) || body['kind'] !== 'Status') return undefined;
  const { reason, message, details } = body;
  const { retryAfterSeconds: seconds, causes } = isRecord(details) ? details : {};
  const isVersionTooLarge =
    Array.isArray(causes) && causes.some((cause) => isRecord(cause) && cause['reason'] === VERSION_TOO_LARGE);
  return {
    reason: isVersionTooLarge ? VERSION_TOO_LARGE : asReason(reason),
    message: typeof message === 'string' && message !== '' ? oneLine(message) : undefined,
    retryAfterMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined,
  };
}

function asReason(reason: unknown): string | undefined {
  return typeof reason === 'string' && reason !== '' ? reason.slice(0, 64) : undefined;
}

function oneLine(text: string): string {
  return text.slice(0, MAX_SERVER_MESSAGE).replaceAll(/[\p{Cc}\s]+/gu, ' ');
}
