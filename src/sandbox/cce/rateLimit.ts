import * as z from 'zod';
import { gatewayError } from './answer.js';
import type { Answer } from './answer.js';
import type { Random } from './random.js';
import type { CloudTime } from './time.js';

export const RETRY_AFTER_FORMS = ['none', 'int', 'float', 'date'] as const;
export type RetryAfterForm = (typeof RETRY_AFTER_FORMS)[number];

export const rateLimitSchema = z.strictObject({
  /** Requests that a project may make in a window. */
  limit: z.int().min(0).max(1_000_000),
  windowSeconds: z.number().min(0.1).max(3600),
  /** The form of `Retry-After` in a refusal. */
  retryAfter: z.enum(RETRY_AFTER_FORMS),
  /** Probability that a refusal carries the header at all; the real gateway sent it on 8 of 1700. */
  retryAfterProbability: z.number().min(0).max(1).default(1),
});

export type RateLimit = z.output<typeof rateLimitSchema>;

/** The limit in the gateway's documentation: 200 requests a second. */
export const DEFAULT_RATE_LIMIT: RateLimit = {
  limit: 200,
  windowSeconds: 1,
  retryAfter: 'none',
  retryAfterProbability: 1,
};

/** The most projects counted at once; with more, all counts start again. */
const MAX_WINDOWS = 10_000;

/** Counts requests per project in fixed windows and refuses those over the limit. */
export class RateLimiter {
  rule: RateLimit;
  readonly #time: CloudTime;
  readonly #random: Random;
  readonly #windows = new Map<string, { readonly endsAt: number; readonly used: number }>();

  constructor(rule: RateLimit, time: CloudTime, random: Random) {
    this.rule = rule;
    this.#time = time;
    this.#random = random;
  }

  /** Counts one request; returns the refusal if it is over the limit. */
  take(projectID: string): Answer | undefined {
    const now = this.#time.wall();
    let window = this.#windows.get(projectID);
    if (window === undefined || window.endsAt <= now) {
      window = { endsAt: now + this.rule.windowSeconds * 1000, used: 0 };
    }
    const used = window.used + 1;
    if (this.#windows.size >= MAX_WINDOWS) this.#windows.clear();
    this.#windows.set(projectID, { endsAt: window.endsAt, used });
    if (used <= this.rule.limit) return undefined;
    const form = this.#random() < this.rule.retryAfterProbability ? this.rule.retryAfter : 'none';
    return throttled(form, (window.endsAt - now) / 1000, now, this.rule);
  }
}

/** The gateway's 429; `seconds`: until a retry; `now`: the cloud's clock in milliseconds since the epoch. */
export function throttled(
  form: RetryAfterForm,
  seconds: number,
  now: number,
  rule: Pick<RateLimit, 'limit' | 'windowSeconds'> = { limit: 10, windowSeconds: 60 },
): Answer {
  const window = rule.windowSeconds === 60 ? ',time:1 minute' : '';
  const answer = gatewayError(
    429,
    'APIGW.0308',
    `The throttling threshold has been reached: policy user over ratelimit,limit:${rule.limit}${window}`,
  );
  const header = retryAfterHeader(form, seconds, now);
  return header === undefined ? answer : { ...answer, headers: { 'Retry-After': header } };
}

function retryAfterHeader(form: RetryAfterForm, seconds: number, now: number): string | undefined {
  switch (form) {
    case 'none':
      return undefined;
    case 'int':
      return String(Math.ceil(seconds));
    case 'float':
      return seconds.toFixed(3);
    case 'date':
      // HTTP dates have whole seconds, so round up.
      return new Date(Math.ceil((now + seconds * 1000) / 1000) * 1000).toUTCString();
  }
}
