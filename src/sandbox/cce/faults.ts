import * as z from 'zod';
import { RETRY_AFTER_FORMS } from './rateLimit.js';
import type { Random } from './random.js';

/** The faults of the simulated cloud, and their effects. */
export const FAULTS = {
  throttle: '429; Retry-After in the form `retryAfter`, of `seconds`',
  'error-500': 'internal error of CCE',
  'error-502': 'backend unavailable, by the gateway',
  'error-503': 'IAM temporarily unavailable, by the gateway',
  'error-504': 'backend timeout, by the gateway',
  'html-502': 'a proxy error page in HTML',
  'html-200': 'a login page in HTML, with status 200',
  unauthorized: '401, wrong credentials',
  'token-expired': '401 APIGW.0307, the token must be updated',
  'key-locked': '401, the access key is locked',
  forbidden: '403 of CCE',
  'no-such-api': '404 of the gateway',
  'no-such-job': '404 of CCE',
  'gone-after-success': '404 of CCE once the job has succeeded',
  redirect: '302 to `location`',
  'reset-before-headers': 'the connection is reset before any answer',
  'reset-after-headers': 'the connection is reset in the middle of the body',
  'slow-headers': 'nothing for `seconds`, then the answer',
  'slow-body': 'half of the answer, and the rest after `seconds`',
  'truncated-json': 'half of the answer as if it were whole',
  'empty-body': '200 without a body',
  'oversized-body': 'a body of 64 MiB',
  'unknown-phase': 'a phase that is not documented',
  'phase-backwards': 'the job as it was one step ago',
  'wrong-id': 'another job than the requested one',
} as const;

export type FaultKind = keyof typeof FAULTS;

const KINDS = Object.keys(FAULTS) as [FaultKind, ...FaultKind[]];

export const faultRuleSchema = z.strictObject({
  kind: z.enum(KINDS),
  /** Only requests about this job; left out: about any. */
  jobID: z.string().optional(),
  /** Which requests: about jobs (default), or to IAM and the metadata services. */
  on: z.enum(['jobs', 'iam']).default('jobs'),
  /** The number of matching requests that pass first. */
  after: z.int().min(0).default(0),
  /** Then only every n-th matching request. */
  every: z.int().min(1).default(1),
  /** Then only with this probability. */
  probability: z.number().min(0).max(1).default(1),
  /** The number of strikes after which it ends; left out: it never ends. */
  times: z.int().min(1).optional(),
  /** For slow answers and Retry-After. */
  seconds: z.number().min(0).max(3600).default(30),
  retryAfter: z.enum(RETRY_AFTER_FORMS).default('none'),
  /** The target of redirects; left out: a path that counts the requests that followed. */
  location: z.string().max(2048).optional(),
});

export type FaultRule = z.output<typeof faultRuleSchema>;
export type FaultRuleInput = z.input<typeof faultRuleSchema>;

const MAX_RULES = 1000;

interface ActiveRule {
  readonly id: number;
  readonly rule: FaultRule;
  seen: number;
  struck: number;
}

/** Decides which requests are answered badly. Of several rules that apply the oldest wins. */
export class Faults {
  readonly #random: Random;
  #rules: ActiveRule[] = [];
  #added = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a rule and returns its number. Throws a ZodError on a bad rule, a RangeError when there are too many. */
  add(input: FaultRuleInput): number {
    const rule = faultRuleSchema.parse(input);
    if (this.#rules.length >= MAX_RULES)
      throw new RangeError(`there can be at most ${MAX_RULES} fault rules`);
    this.#added += 1;
    this.#rules.push({ id: this.#added, rule, seen: 0, struck: 0 });
    return this.#added;
  }

  remove(id: number): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((active) => active.id !== id);
    return this.#rules.length < before;
  }

  clear(): void {
    this.#rules = [];
  }

  list(): readonly (FaultRule & { readonly id: number; readonly struck: number })[] {
    return this.#rules.map(({ id, rule, struck }) => ({ id, struck, ...rule }));
  }

  /** The rule that strikes this request, if any. Every rule that matches counts the request. */
  strike(on: FaultRule['on'], jobID: string | undefined): FaultRule | undefined {
    let striking: ActiveRule | undefined;
    for (const active of this.#rules) {
      const { rule } = active;
      if (rule.on !== on || (rule.jobID !== undefined && rule.jobID !== jobID)) continue;
      active.seen += 1;
      if (active.seen <= rule.after || (active.seen - rule.after - 1) % rule.every !== 0) continue;
      if (rule.times !== undefined && active.struck >= rule.times) continue;
      if (rule.probability < 1 && this.#random() >= rule.probability) continue;
      striking ??= active;
    }
    if (striking === undefined) return undefined;
    striking.struck += 1;
    return striking.rule;
  }
}
