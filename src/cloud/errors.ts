import { STATUS_CODES } from 'node:http';
import { asRecord } from '../json.js';
import { readRetryAfter } from '../retryAfter.js';
import { cleanText } from '../text.js';
import { parseAnswer } from './answerJSON.js';
import { serverTime } from './time.js';

/** The classes of errors that the rest of the operator reacts to; `reactions.ts` has their meaning and effect. */
export type CloudErrorClass =
  'throttled' | 'transient' | 'unauthorized' | 'forbidden' | 'notFound' | 'misconfigured' | 'malformed';

/** A call to the cloud that failed. Made at the client's edge; carries no request, no header and no secret. */
export interface CloudError {
  readonly class: CloudErrorClass;
  /** For people: one line, bounded, without secrets, and the same text for the same failure. */
  readonly message: string;
  /** Its meaning and remedy, instead of those of its class; a sentence without its full stop. */
  readonly meaning?: string;
  /** The cloud's own code, for example `CCE.01404001` or `APIGW.0308`. */
  readonly code?: string;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number;
  /** For logs only: it differs on every call. */
  readonly requestID?: string;
  /** From `Retry-After`, or how long the cloud or a breaker will refuse; in milliseconds. */
  readonly retryAfterMs?: number;
  /** The cloud throttles, and its limit counts the calls of everybody, not only those of the caller. */
  readonly ofAll?: true;
  /** Not from CCE: there were no credentials, or the operator's own budget is used up. */
  readonly local?: true;
}

/** The longest `message` of a CloudError, in UTF-16 code units. */
export const MAX_ERROR_LENGTH = 512;
const MAX_CODE_LENGTH = 64;
const MAX_REQUEST_ID_LENGTH = 128;
/** How long the cloud locks an access key after more than five failed signatures in a row. */
const KEY_LOCK_MS = 300_000;

/** Header names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** The content of an error's body, from any of its many shapes. */
interface ErrorBody {
  /** All codes in the body, the most specific first. */
  readonly codes: readonly string[];
  readonly message?: string;
  readonly requestID?: string;
  /** CCE's own error in the form of a Kubernetes Status. */
  readonly isStatus: boolean;
}

interface Rule {
  /** Statuses that the rule is for; left out: all. */
  readonly status?: (status: number) => boolean;
  readonly body?: (body: ErrorBody) => boolean;
  readonly class: CloudErrorClass;
}

const withCode = (pattern: RegExp) => (body: ErrorBody) => body.codes.some((code) => pattern.test(code));
const oneOf =
  (...statuses: number[]) =>
  (status: number) =>
    statuses.includes(status);

/**
 * HTTP status and code to class; the first rule that fits counts. Codes: CCE API reference "error codes"
 * (cce_02_0250) and the gateway's (APIG "error codes"; `APIGW.` on the shared gateway, `APIG.` on others, with the same
 * numbers). Texts are not stable, but the locked key has no code of its own.
 */
const RULES: readonly Rule[] = [
  { body: (body) => LOCKED_KEY.test(body.message ?? ''), class: 'unauthorized' },
  // The body does not matter: further calls would be wrong.
  { status: oneOf(429), class: 'throttled' },
  { body: withCode(/^APIGW?\.0101$/), class: 'misconfigured' },
  { body: withCode(/^APIGW?\.0308$|^CCE\.\d\d429/), class: 'throttled' },
  { status: oneOf(401), class: 'unauthorized' },
  { status: oneOf(403), class: 'forbidden' },
  { status: oneOf(404, 410), body: withCode(/^CCE\.\d\d404|^CCE_CM\.|^E\.CFE\.404/), class: 'notFound' },
  { status: oneOf(404, 410), body: (body) => body.isStatus, class: 'notFound' },
  // A 404 without a mark of CCE (no body, HTML, an unknown code) shows nothing about the job, so the job does not become
  // unknown and stalled because of it.
  { status: oneOf(404, 410), class: 'misconfigured' },
  { status: oneOf(408, 409, 425), class: 'transient' },
  { status: (status) => status >= 500, class: 'transient' },
  { status: (status) => status >= 200 && status < 300, class: 'malformed' },
  // Redirects are not followed: an endpoint that moved is configured wrongly.
  { class: 'misconfigured' },
];

const LOCKED_KEY = /AK access failed to reach the limit/i;
/** The gateway names the policy that counts: `user` and `app` are the caller; `api`, `ip` and others are everybody. */
const POLICY_OF_ALL = /\bpolicy (?!user\b|app\b)\w+ over ratelimit/i;
const EXPIRED_SIGNATURE = /signature expired/i;

/** Makes a CloudError from an unexpected answer. `now`: wall clock in milliseconds. */
export function readError(status: number, headers: Headers, bodyText: string, now: number): CloudError {
  const body = readErrorBody(bodyText);
  const errorClass = RULES.find(
    (rule) => (rule.status?.(status) ?? true) && (rule.body?.(body) ?? true),
  )?.class;
  const [code] = body.codes;
  const requestID = headers['x-request-id'] ?? headers['x-iam-trace-id'] ?? body.requestID;
  const retryAfterMs = LOCKED_KEY.test(body.message ?? '')
    ? KEY_LOCK_MS
    : readRetryAfter(headers['retry-after'], serverTime(headers) ?? now);
  return {
    class: errorClass ?? 'misconfigured',
    message: describe(status, headers, body, bodyText),
    status,
    ...(code === undefined ? {} : { code }),
    ...(requestID === undefined ? {} : { requestID: cleanText(requestID, MAX_REQUEST_ID_LENGTH) }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(errorClass === 'throttled' && POLICY_OF_ALL.test(body.message ?? '') && { ofAll: true }),
  };
}

/** Shapes: CCE's documented one, its real mix with a Kubernetes Status, the gateway's, Keystone's, or another one. */
function readErrorBody(text: string): ErrorBody {
  const body = asRecord(parseAnswer(text));
  const nested = asRecord(body['error']);
  const codes = [body['errorCode'], body['error_code'], body['code'], nested['code']].filter(isText);
  const message = [
    // Of the four pairs that CCE sends, this one names the problem; the others are generic.
    body['message'],
    body['errorMessage'],
    body['error_msg'],
    nested['message'],
    body['error'],
    body['reason'],
  ].find(isText);
  const requestID = [body['request_id'], body['requestId']].find(isText);
  return {
    codes: codes.map((code) => cleanText(code, MAX_CODE_LENGTH)),
    isStatus: body['kind'] === 'Status' && body['apiVersion'] === 'v1',
    ...(message === undefined ? {} : { message: stable(message) }),
    ...(requestID === undefined ? {} : { requestID }),
  };
}

function describe(status: number, headers: Headers, body: ErrorBody, text: string): string {
  if (EXPIRED_SIGNATURE.test(body.message ?? '')) {
    return "the signature has expired by the cloud's clock: the clock of this machine differs from it by more than 15 minutes; synchronise it";
  }
  if (body.message !== undefined && body.message !== '') return body.message;
  const line = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  if (status >= 300 && status < 400) return `${line}; redirects are not followed`;
  if (text.trim() === '') return `${line} without a body`;
  if (text.trimStart().startsWith('<') || /html/i.test(headers['content-type'] ?? '')) {
    return `${line} with an HTML page`;
  }
  if (/^\s*[[{]/.test(text)) return `${line} with an unknown body`;
  return cleanText(`${line}: ${stable(text)}`, MAX_ERROR_LENGTH);
}

/**
 * One line that stays the same from call to call and carries nothing secret: without the canonical request that the
 * gateway echoes, and with `*` for what looks like a request ID, a time of day or a token.
 */
function stable(message: string): string {
  return cleanText(
    cleanText(message, 4 * MAX_ERROR_LENGTH)
      .replace(/[,;]?\s*(?:canonical_?request|string_?to_?sign)\s*[:=].*$/i, '')
      .replace(/[,;]?\s*\b(?:x-)?(?:request|trace)[-_ ]?id\b["']?\s*[:=]\s*\S+/gi, '')
      .replace(/\b\d{4}-?\d{2}-?\d{2}[T ]\d{2}:?\d{2}:?\d{2}(?:\.\d+)?(?:Z| ?[+-]\d{2}:?\d{2})?/g, '*')
      .replace(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b[0-9a-f]{32,}\b/gi, '*')
      .replace(/[A-Za-z0-9+/_=-]{40,}/g, '*'),
    MAX_ERROR_LENGTH,
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
