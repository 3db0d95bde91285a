import type { Clock } from './clock.js';

/** How often something may happen: `burst` times at once after a rest, `perSecond` times in the long run. */
export interface Rate {
  /** Above 0. */
  readonly perSecond: number;
  /** 1 or more. */
  readonly burst: number;
}

/** What rounding may cost a token. */
const TINY = 1e-9;

/** A token bucket; full at first. */
export class RateLimit {
  #tokens: number;
  #filledAt: number;

  constructor(
    private readonly rate: Rate,
    private readonly clock: Clock,
  ) {
    this.#tokens = rate.burst;
    this.#filledAt = clock.monotonic();
  }

  /** How many times it may happen now. */
  get available(): number {
    const { perSecond, burst } = this.rate;
    const now = this.clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    return Math.floor(this.#tokens + TINY);
  }

  /** Milliseconds until `take` succeeds; 0 when it would now. */
  get waitMs(): number {
    return this.available >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.rate.perSecond) * 1000);
  }

  /** Whether it may happen now; if so, it counts. */
  take(): boolean {
    if (this.waitMs > 0) return false;
    this.#tokens -= 1;
    return true;
  }
}
