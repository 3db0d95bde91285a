import type { Clock } from '../../clock.js';
import {
  LONG_TOKEN,
  readError,
  type CloudError,
  type CloudErrorClass,
  type Headers,
  type Meaning,
} from '../errors.js';
import type { Http } from '../http.js';
import { asRecord } from '../../json.js';
import { parseAnswer } from '../answerJSON.js';
import { SecretText } from '../secretText.js';
import { parseTime, serverTime } from '../time.js';
import { CloudRate } from '../limits/cloudRate.js';
import type { Issued } from './renewals.js';
import { Turns, type Turn } from './turns.js';

/** A request to IAM for a token. */
export interface TokenRequest {
  /** Base URL of IAM. */
  readonly iam: string;
  /** Path and query below it. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: object;
  readonly secrets: readonly string[];
}

/** Calls to IAM have their own budget, per IAM: tokens live for a day, so it matters at the start and during outages. */
const IAM_BUDGET = { perSecond: 5, burst: 20 };
/** The lifetime if the answer has no times: a 401 leads to a renewal. */
const UNKNOWN_LIFETIME_MS = 3_600_000;
const MAX_TOKEN_LENGTH = 16_384;
const NO_TOKEN_CLASSES: ReadonlySet<CloudErrorClass> = new Set(['forbidden', 'notFound', 'misconfigured']);
const NO_TOKEN: Meaning = {
  problem: 'IAM gives no token',
  remedy: "check the region's iam address, and the user or identity provider and its access to the project",
};
/** The caller keeps its place until it tries again. */
const NO_TURN: CloudError = {
  class: 'transient',
  message: 'IAM: others log in first, its turn comes soon',
  local: true,
  retryAfterMs: 1_000,
};

/** Requests tokens from IAM (v3); all are project-scoped and arrive in the header `X-Subject-Token`. */
export class IAMTokens {
  readonly #http: Http;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** By IAM; bounded by the number of regions. */
  readonly #turns = new Map<string, Turns>();

  constructor(http: Http, clock: Clock, random: () => number) {
    this.#http = http;
    this.#clock = clock;
    this.#random = random;
  }

  async issue(turn: Turn, request: TokenRequest): Promise<Issued<SecretText>> {
    const turns = this.#turnsOf(request.iam);
    if (!turns.take(turn)) return { ok: false, error: NO_TURN };
    const { rate } = turns;
    const answer = await this.#http.send({
      method: 'POST',
      url: new URL(`${request.iam}${request.path}`),
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json;charset=utf8',
        ...request.headers,
      },
      body: JSON.stringify(request.body),
      secrets: request.secrets,
      // The request's own deadline ends it: others may wait for the same token.
      signal: new AbortController().signal,
    });
    if (answer.kind === 'failed') return failed(answer.error.class, answer.error.message);
    const { status, headers, body } = answer;
    const token = headers['x-subject-token'] ?? '';
    const isGood = (status === 201 || status === 200) && token !== '';
    if (!isGood) {
      const error = readError(status, headers, body, this.#clock.now());
      if (error.class === 'throttled') rate.slowDown(error.retryAfterMs);
      const message = `IAM: ${error.message}`;
      // IAM does not know jobs, so these two are not about a job.
      if (NO_TOKEN_CLASSES.has(error.class)) {
        return { ok: false, error: { meaning: NO_TOKEN, ...error, class: 'misconfigured', message } };
      }
      if (error.class !== 'malformed' || error.meaning !== undefined) {
        return { ok: false, error: { ...error, message } };
      }
    }
    rate.succeeded();
    if (!/^[\x21-\x7e]+$/.test(token)) return failed('malformed', 'the answer has no usable token');
    if (token.length > MAX_TOKEN_LENGTH) {
      const message = `IAM: the token is longer than ${MAX_TOKEN_LENGTH} characters`;
      return { ok: false, error: { class: 'misconfigured', meaning: LONG_TOKEN, message } };
    }
    const lifetimeMs = lifetimeOf(body, serverTime(headers) ?? this.#clock.now());
    if (lifetimeMs <= 0) return failed('malformed', 'the token has already expired');
    return { ok: true, value: new SecretText(token), lifetimeMs };
  }

  #turnsOf(iam: string): Turns {
    const made = (): Turns => new Turns(new CloudRate(IAM_BUDGET, this.#clock, this.#random), this.#clock);
    const turns = this.#turns.get(iam) ?? made();
    this.#turns.set(iam, turns);
    return turns;
  }
}

function failed(errorClass: CloudErrorClass, message: string): Issued<never> {
  return { ok: false, error: { class: errorClass, message: `IAM: ${message}` } };
}

/** By IAM's own clock, which may differ from this machine's. */
function lifetimeOf(body: string, now: number): number {
  const token = asRecord(asRecord(parseAnswer(body))['token']);
  const expiresAt = parseTime(token['expires_at']);
  if (expiresAt === undefined) return UNKNOWN_LIFETIME_MS;
  return expiresAt - (parseTime(token['issued_at']) ?? now);
}
