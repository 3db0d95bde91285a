import type { Clock } from '../../clock.js';

export interface BucketOptions {
  /** The highest sustained rate, in calls per second. */
  readonly requestsPerSecond: number;
  /** How many calls may be made at once after a rest; 1 or more. */
  readonly burst: number;
}

/** The rate never falls below one call in ten seconds, nor above what is configured. */
const LOWEST_RATE = 0.1;
/** What each good answer gives back of the configured rate after it was lowered. */
const RECOVERY = 0.01;
/** CCE counts per minute and mostly sends no `Retry-After` (in 8 of 1,700 refusals, with about 57 s). */
const PAUSE_MS = 60_000;
const JITTER = 0.15;
/** Enough tokens for one call, whatever rounding did to them. */
const ONE = 1 - 1e-9;

/**
 * A token bucket whose rate adapts to the cloud's limit: halved when the cloud refuses (once for one pause, however
 * many calls were under way), raised step by step by good answers. A pause holds back all calls.
 */
export class TokenBucket {
  readonly #clock: Clock;
  #options: BucketOptions;
  readonly #random: () => number;
  #rate: number;
  #tokens: number;
  /** Set aside for calls that are still to begin. They count as tokens that are there: the bucket holds no more for them. */
  #reserved = 0;
  #filledAt: number;
  #pausedUntil = -Infinity;

  constructor(options: BucketOptions, clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#options = options;
    this.#random = random;
    this.#rate = options.requestsPerSecond;
    this.#tokens = options.burst;
    this.#filledAt = clock.monotonic();
  }

  /** Has other limits from now on; what was learnt of the cloud's own limit is kept in proportion. */
  limit(options: BucketOptions): void {
    this.#fill();
    this.#rate *= options.requestsPerSecond / this.#options.requestsPerSecond;
    this.#options = options;
    this.#tokens = Math.min(this.#room, this.#tokens);
  }

  /** Takes the token for one call that begins now, if there is one. */
  take(): boolean {
    if (!this.reserve()) return false;
    this.spend();
    return true;
  }

  /** Sets the token for one call aside, if there is one now; `spend` or `release` ends that. */
  reserve(): boolean {
    if (this.waitMs() > 0) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    this.#reserved += 1;
    return true;
  }

  /** The call that a token was set aside for begins. */
  spend(): void {
    this.#fill();
    this.#reserved -= 1;
  }

  /** Gives back a token that was set aside and is not needed. */
  release(): void {
    this.spend();
    this.#tokens = Math.min(this.#room, this.#tokens + 1);
  }

  /** Milliseconds until `take` succeeds; 0 when it would now. */
  waitMs(): number {
    this.#fill();
    const pause = this.#pausedUntil - this.#clock.monotonic();
    const refill = this.#tokens >= ONE ? 0 : ((1 - this.#tokens) / this.#rate) * 1000;
    return Math.max(0, Math.ceil(Math.max(pause, pause > 0 ? pause + refill : refill)));
  }

  /** Calls that could be made at once; 0 during a pause. */
  get tokens(): number {
    this.#fill();
    return this.paused ? 0 : this.#tokens;
  }

  get paused(): boolean {
    return this.#clock.monotonic() < this.#pausedUntil;
  }

  /** As good as new: full, at its full rate and not paused. */
  get rested(): boolean {
    this.#fill();
    return !this.paused && this.#tokens >= this.#room - 1e-9 && this.#rate >= this.#options.requestsPerSecond;
  }

  /** No calls for `ms` milliseconds; then one by one, without a burst. */
  pause(ms: number): void {
    this.#fill();
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.monotonic() + ms);
    this.#tokens = Math.min(this.#tokens, 1);
  }

  /** The cloud refused for the number of calls. */
  slowDown(retryAfterMs: number | undefined): void {
    if (!this.paused) {
      const lowest = Math.min(LOWEST_RATE, this.#options.requestsPerSecond);
      this.#rate = Math.max(lowest, this.#rate / 2);
    }
    // Only later than the cloud demands, never earlier.
    this.pause(retryAfterMs ?? PAUSE_MS * (1 + JITTER * this.#random()));
  }

  succeeded(): void {
    this.#fill();
    const { requestsPerSecond } = this.#options;
    this.#rate = Math.min(requestsPerSecond, this.#rate + requestsPerSecond * RECOVERY);
  }

  /** Nothing flows in during a pause. */
  #fill(): void {
    const now = this.#clock.monotonic();
    const from = Math.max(this.#filledAt, Math.min(this.#pausedUntil, now));
    this.#tokens = Math.min(this.#room, this.#tokens + ((now - from) / 1000) * this.#rate);
    this.#filledAt = now;
  }

  get #room(): number {
    return Math.max(0, this.#options.burst - this.#reserved);
  }
}
