import { STATUS_CODES } from 'node:http';
import { readRetryAfter } from '../retryAfter.js';
import { cleanText } from '../text.js';
import { isText, MAX_ERROR_LENGTH, readErrorBody, stable, type ErrorBody } from './errorBody.js';
import { serverTime } from './time.js';

/** The classes of errors that the rest of the operator reacts to; `reactions.ts` has their meaning and effect. */
export type CloudErrorClass =
  'throttled' | 'transient' | 'unauthorized' | 'forbidden' | 'notFound' | 'misconfigured' | 'malformed';

/** What an error means, and what to do: two clauses for people, without full stops. */
export interface Meaning {
  readonly problem: string;
  readonly remedy: string;
}

/** A call to the cloud that failed. Made at the client's edge; carries no request, no header and no secret. */
export interface CloudError {
  readonly class: CloudErrorClass;
  /** For people: one line, bounded, without secrets, without a full stop, and the same text for the same failure. */
  readonly message: string;
  /** Instead of the meaning of its class. */
  readonly meaning?: Meaning;
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
  /** Something in between answered in place of the cloud: its answer says nothing of the credentials, the budget or the region. */
  readonly foreign?: true;
}

const MAX_REQUEST_ID_LENGTH = 128;
/** How long the cloud locks an access key after more than five failed signatures in a row. */
const KEY_LOCK_MS = 300_000;

/** Header names in lower case. */
export type Headers = Readonly<Record<string, string>>;

interface Rule {
  /** Statuses that the rule is for; left out: all. */
  readonly status?: (status: number) => boolean;
  readonly body?: (body: ErrorBody) => boolean;
  readonly class: CloudErrorClass;
  readonly meaning?: Meaning;
  readonly foreign?: true;
}

const withCode = (pattern: RegExp) => (body: ErrorBody) => body.codes.some((code) => pattern.test(code));
const saying =
  (pattern: RegExp) =>
  ({ message, title }: ErrorBody) =>
    pattern.test(message ?? title ?? '');
const isPage = ({ shape }: ErrorBody) => shape === 'page';
const oneOf =
  (...statuses: number[]) =>
  (status: number) =>
    statuses.includes(status);
const within = (first: number, last: number) => (status: number) => status >= first && status <= last;

const FOREIGN: Meaning = {
  problem: 'Something between the operator and the cloud answered',
  remedy: "if it lasts, check proxies, firewalls and the region's addresses",
};
/** Of a token that does not fit into the headers of a request. */
export const LONG_TOKEN: Meaning = {
  problem: 'The token is too long for the gateway',
  remedy: 'get one with ?nocatalog=true or of a user with fewer roles, or use an access key',
};
const LOCKED_KEY = /AK access failed to reach the limit/i;
/** Codes of CCE (in all its spellings), of the gateway and of IAM. */
const CODE_OF_CLOUD = /^(?:CCE|CCE_CM|E\.CFE|SVCSTG\.CCECAM|APIGW?|IAM)\./;

/**
 * HTTP status and code to class; the first rule that fits counts. Codes: CCE API reference "error codes"
 * (cce_02_0250) and the gateway's (APIG "error codes"; `APIGW.` on the shared gateway, `APIG.` on others, with the same
 * numbers). Texts are not stable, but what is recognised by its text has no code of its own.
 */
const RULES: readonly Rule[] = [
  { status: within(200, 299), body: isPage, class: 'malformed', meaning: FOREIGN, foreign: true },
  {
    status: within(200, 299),
    body: ({ codes, message }) => codes.length > 0 || message !== undefined,
    class: 'malformed',
    meaning: {
      problem: 'The cloud answered with success and an error in one',
      remedy: "the operator tries again; if it lasts, show the error to the cloud's support",
    },
  },
  { status: within(200, 299), class: 'malformed' },
  {
    body: saying(LOCKED_KEY),
    class: 'unauthorized',
    meaning: {
      problem: 'The cloud has locked the access key after failed signatures',
      remedy: 'check the secret key in the Secret, and who else uses the key; the lock lasts for 5 minutes',
    },
  },
  // The body does not matter: further calls would be wrong.
  { status: oneOf(429), class: 'throttled' },
  { body: withCode(/^APIGW?\.0101$/), class: 'misconfigured' },
  { body: withCode(/^APIGW?\.0308$|^CCE\.\d\d429/), class: 'throttled' },
  // 494 is the gateway's status for them; nginx answers 400 with this title.
  { status: oneOf(431, 494), class: 'misconfigured', meaning: LONG_TOKEN },
  {
    status: oneOf(400),
    body: saying(/\bheaders?\b.{0,40}\btoo (?:long|large)/i),
    class: 'misconfigured',
    meaning: LONG_TOKEN,
  },
  { status: (status) => status >= 500, class: 'transient' },
  { status: oneOf(404, 410), body: ({ shape }) => shape === 'gateway', class: 'misconfigured' },
  { status: oneOf(404, 410), body: ({ shape }) => shape === 'status', class: 'notFound' },
  // A page of a proxy or a firewall is nobody's verdict. A Status without CCE's code is that of a Kubernetes API server.
  {
    body: (body) => body.shape !== 'keystone' && !withCode(CODE_OF_CLOUD)(body),
    class: 'transient',
    meaning: FOREIGN,
    foreign: true,
  },
  {
    status: oneOf(401),
    body: saying(/\bak\b.{0,100}\bnot exist/i),
    class: 'unauthorized',
    meaning: {
      problem: 'The cloud does not know the access key',
      remedy:
        'a temporary key needs its securityToken in the Secret, too; else check whether the key was deleted, or is of another cloud',
    },
  },
  {
    status: oneOf(400, 401, 403),
    body: saying(/login[ -](?:protection|verification)|\bmfa\b|\btotp\b|multi-?factor|passcode/i),
    class: 'unauthorized',
    meaning: {
      problem: 'IAM wants a second factor, because login protection is on for the user',
      remedy: 'turn it off for this user, or put an access key into the Secret in place of the password',
    },
  },
  {
    body: withCode(/^CCE\.\d\d403002$/),
    class: 'forbidden',
    meaning: {
      problem: 'The cloud has restricted the account',
      remedy:
        "check the account's bills and state in the cloud's console, or have the cloud's support lift it",
    },
  },
  {
    body: withCode(/^APIGW?\.0310$/),
    class: 'forbidden',
    meaning: {
      problem: 'The project is not available',
      remedy: "check spec.projectID, and in the cloud's console whether the project is frozen or suspended",
    },
  },
  { status: oneOf(401), class: 'unauthorized' },
  { status: oneOf(403), class: 'forbidden' },
  { status: oneOf(404, 410), body: withCode(/^CCE\.\d\d404|^CCE_CM\.|^E\.CFE\.404/), class: 'notFound' },
  { status: oneOf(408, 409, 425), class: 'transient' },
  {
    status: oneOf(400),
    body: withCode(/^CCE\.\d\d400001$|^CCE_CM\.|^E\.CFE\.400/),
    class: 'misconfigured',
    meaning: {
      problem: 'CCE takes the request for invalid',
      remedy: 'check that spec.jobID is the ID of a job, and spec.projectID the ID of its project',
    },
  },
  { class: 'misconfigured' },
];

/** The gateway names the policy that counts: `user` and `app` are the caller; `api`, `ip` and others are everybody. */
const POLICY_OF_ALL = /\bpolicy (?!user\b|app\b)\w+ over ratelimit/i;
const EXPIRED_SIGNATURE = /signature expired/i;

/** What is known of the answer beyond itself. */
export interface AnswerContext {
  /** IDs of the project and the job that the request was about. */
  readonly ownIDs?: readonly string[];
  /** A service of this machine answered, whose errors have no codes: nothing stands in between. */
  readonly fromMachine?: true;
}

/** Makes a CloudError of an answer that is not the expected one. `now`: wall clock in milliseconds. */
export function readError(
  status: number,
  headers: Headers,
  bodyText: string,
  now: number,
  { ownIDs = [], fromMachine }: AnswerContext = {},
): CloudError {
  const body = readErrorBody(bodyText, headers, ownIDs);
  const fits = (rule: Rule): boolean =>
    (rule.status?.(status) ?? true) &&
    (rule.body?.(body) ?? true) &&
    (rule.foreign !== true || fromMachine !== true);
  const { class: errorClass, meaning, foreign }: Rule = RULES.find(fits) ?? { class: 'misconfigured' };
  const [code] = body.codes;
  const requestID = [headers['x-request-id'], headers['x-iam-trace-id'], body.requestID].find(isText);
  const retryAfterMs = LOCKED_KEY.test(body.message ?? '')
    ? KEY_LOCK_MS
    : readRetryAfter(headers['retry-after'], serverTime(headers) ?? now);
  return {
    class: errorClass,
    message: describe(status, body, bodyText),
    status,
    ...(meaning !== undefined && { meaning }),
    ...(code === undefined ? {} : { code }),
    ...(requestID === undefined ? {} : { requestID: cleanText(requestID, MAX_REQUEST_ID_LENGTH) }),
    ...(foreign === true ? { foreign } : retryAfterMs !== undefined && { retryAfterMs }),
    ...(errorClass === 'throttled' && POLICY_OF_ALL.test(body.message ?? '') && { ofAll: true }),
  };
}

function describe(status: number, body: ErrorBody, text: string): string {
  if (EXPIRED_SIGNATURE.test(body.message ?? '')) {
    return "the signature has expired by the cloud's clock: the clock of this machine differs from it by more than 15 minutes; synchronise it";
  }
  if (body.message !== undefined) return body.message;
  const line = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  if (status >= 300 && status < 400) return `${line}; redirects are not followed`;
  if (text.trim() === '') return `${line} without a body`;
  if (body.shape === 'page') {
    const page = `${line} with an HTML page`;
    return body.title === undefined ? page : cleanText(`${page}: ${body.title}`, MAX_ERROR_LENGTH);
  }
  if (/^\s*[[{]/.test(text)) return `${line} with an unknown body`;
  return cleanText(`${line}: ${stable(text, [])}`, MAX_ERROR_LENGTH);
}
