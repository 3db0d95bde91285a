import type { Clock } from '../../clock.js';
import { RateLimit, type Rate } from '../../rateLimit.js';

/** The rate never falls below one call in ten seconds, and never rises above the configured one. */
const LOWEST_PER_SECOND = 0.1;
/** The part of the configured rate by which each good answer raises a lowered rate. */
const RECOVERY = 0.01;
/** CCE counts per minute and mostly sends no `Retry-After` (in 8 of 1,700 refusals, with about 57 s). */
const PAUSE_MS = 60_000;
const JITTER = 0.15;

/**
 * A rate of calls that adapts to the cloud's limit. A refusal halves it (only once for one pause, even if many calls were
 * under way); good answers raise it step by step. A pause holds back all calls.
 */
export class CloudRate extends RateLimit {
  readonly #random: () => number;
  /** The highest rate. */
  #configured: Rate;
  /** Tokens reserved for calls that have not begun yet. They still take room in the bucket. */
  #reserved = 0;
  #pausedUntil = -Infinity;

  constructor(rate: Rate, clock: Clock, random: () => number) {
    super(rate, clock);
    this.#configured = rate;
    this.#random = random;
  }

  /** Sets new limits; the rate that was learnt from the cloud's refusals is kept in proportion. */
  limit(rate: Rate): void {
    this.fill();
    const share = this.rate.perSecond / this.#configured.perSecond;
    this.#configured = rate;
    this.rate = { ...rate, perSecond: rate.perSecond * share };
    this.tokens = Math.min(this.room, this.tokens);
  }

  /** Reserves the token for one call, if there is one now; `spend` or `release` ends that. */
  reserve(): boolean {
    if (!this.take()) return false;
    this.#reserved += 1;
    return true;
  }

  /** The call of a reserved token begins. */
  spend(): void {
    this.fill();
    this.#reserved -= 1;
  }

  /** Gives back a reserved token that is not needed. */
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

  /** Whether it is like new: full, at its full rate and not paused. */
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

  /** The cloud refused a call because there were too many. */
  slowDown(retryAfterMs: number | undefined): void {
    if (!this.paused) this.#setRate(this.rate.perSecond / 2);
    // The jitter may only delay: never earlier than the cloud demands.
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

  /** During a pause no tokens are added. */
  protected override fill(): void {
    super.fill(this.#pausedUntil);
  }
}
