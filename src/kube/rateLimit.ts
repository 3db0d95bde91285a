import type { Clock } from '../clock.js';

/** How often something may happen: `burst` times at once after a rest, `perSecond` times in the long run. */
export interface Rate {
  /** Above 0. */
  readonly perSecond: number;
  /** 1 or more. */
  readonly burst: number;
}

/** A token bucket. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, clock: Clock) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = clock.monotonic();
  }

  /** How many times it may happen now. */
  get available(): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    return Math.floor(this.#tokens);
  }

  /** Milliseconds until `take` succeeds; 0 when it would now. */
  get waitMs(): number {
    return this.available >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1000);
  }

  /** Whether it may happen now; if so, it counts. */
  take(): boolean {
    if (this.waitMs > 0) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** A token bucket for each key; of the keys that were not used for longest, the limit is forgotten. */
export class RateLimits {
  readonly #limits = new Map<string, RateLimit>();

  /** @param maxKeys how many keys are remembered */
  constructor(
    private readonly rate: Rate,
    private readonly maxKeys: number,
    private readonly clock: Clock,
  ) {}

  /** Whether it may happen to that key now; if so, it counts. */
  take(key: string): boolean {
    const limit = this.#limits.get(key) ?? new RateLimit(this.rate, this.clock);
    this.#limits.delete(key);
    this.#limits.set(key, limit);
    const [oldest] = this.#limits.keys();
    if (this.#limits.size > this.maxKeys && oldest !== undefined) this.#limits.delete(oldest);
    return limit.take();
  }
}
