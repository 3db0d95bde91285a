import type { Clock } from '../../clock.js';
import { RateLimit, type Rate } from '../../rateLimit.js';

/** The rate never falls below one call in ten seconds, nor above what is configured. */
const LOWEST_PER_SECOND = 0.1;
/** What each good answer gives back of the configured rate after it was lowered. */
const RECOVERY = 0.01;
/** CCE counts per minute and mostly sends no `Retry-After` (in 8 of 1,700 refusals, with about 57 s). */
const PAUSE_MS = 60_000;
const JITTER = 0.15;

/**
 * A rate of calls that adapts to the cloud's limit: halved when the cloud refuses (once for one pause, however many calls
 * were under way), raised step by step by good answers. A pause holds back all calls.
 */
export class CloudRate extends RateLimit {
  readonly #random: () => number;
  /** The highest rate. */
  #configured: Rate;
  /** Set aside for calls that are still to begin. They count as tokens that are there: there is no room for more. */
  #reserved = 0;
  #pausedUntil = -Infinity;

  constructor(rate: Rate, clock: Clock, random: () => number) {
    super(rate, clock);
    this.#configured = rate;
    this.#random = random;
  }

  /** Has other limits from now on; what was learnt of the cloud's own limit is kept in proportion. */
  limit(rate: Rate): void {
    this.fill();
    const share = this.rate.perSecond / this.#configured.perSecond;
    this.#configured = rate;
    this.rate = { ...rate, perSecond: rate.perSecond * share };
    this.tokens = Math.min(this.room, this.tokens);
  }

  /** Sets the token for one call aside, if there is one now; `spend` or `release` ends that. */
  reserve(): boolean {
    if (!this.take()) return false;
    this.#reserved += 1;
    return true;
  }

  /** The call that a token was set aside for begins. */
  spend(): void {
    this.fill();
    this.#reserved -= 1;
  }

  /** Gives back a token that was set aside and is not needed. */
  release(): void {
    this.spend();
    this.tokens = Math.min(this.room, this.tokens + 1);
  }

  /** Milliseconds until `take` succeeds; 0 when it would now. */
  override get waitMs(): number {
    return Math.max(0, Math.ceil(this.#pausedUntil - this.clock.monotonic())) + super.waitMs;
  }

  /** Calls that could be made at once, fractions included; 0 during a pause. */
  get free(): number {
    this.fill();
    return this.paused ? 0 : this.tokens;
  }

  get paused(): boolean {
    return this.clock.monotonic() < this.#pausedUntil;
  }

  /** As good as new: full, at its full rate and not paused. */
  get rested(): boolean {
    const isFull = this.free >= this.room - 1e-9;
    return !this.paused && isFull && this.rate.perSecond >= this.#configured.perSecond;
  }

  /** No calls for `ms` milliseconds; then one by one, without a burst. */
  pause(ms: number): void {
    this.fill();
    this.#pausedUntil = Math.max(this.#pausedUntil, this.clock.monotonic() + ms);
    this.tokens = Math.min(this.tokens, 1);
  }

  /** The cloud refused for the number of calls. */
  slowDown(retryAfterMs: number | undefined): void {
    if (!this.paused) this.#setRate(this.rate.perSecond / 2);
    // Only later than the cloud demands, never earlier.
    this.pause(retryAfterMs ?? PAUSE_MS * (1 + JITTER * this.#random()));
  }

  succeeded(): void {
    this.fill();
    this.#setRate(this.rate.perSecond + this.#configured.perSecond * RECOVERY);
  }

  #setRate(perSecond: number): void {
    const highest = this.#configured.perSecond;
    const lowest = Math.min(LOWEST_PER_SECOND, highest);
    this.rate = { ...this.rate, perSecond: Math.min(highest, Math.max(lowest, perSecond)) };
  }

  protected override get room(): number {
    return Math.max(0, this.rate.burst - this.#reserved);
  }

  /** Nothing flows in during a pause. */
  protected override fill(): void {
    super.fill(this.#pausedUntil);
  }
}
