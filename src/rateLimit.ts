import type { Clock } from './clock.js';

/** How often something may happen: `burst` times at once after a rest, `perSecond` times in the long run. */
export interface Rate {
  /** Above 0. */
  readonly perSecond: number;
  /** 1 or more. */
  readonly burst: number;
}

/** The rounding error that a token may have. */
const TINY = 1e-9;

/** A token bucket; full at first. */
export class RateLimit {
  protected tokens: number;
  #filledAt: number;

  constructor(
    protected rate: Rate,
    protected readonly clock: Clock,
  ) {
    this.tokens = rate.burst;
    this.#filledAt = clock.monotonic();
  }

  /** How often it may happen now. */
  get available(): number {
    this.fill();
    return Math.floor(this.tokens + TINY);
  }

  /** Milliseconds until `take` succeeds; 0 when it would now. */
  get waitMs(): number {
    this.fill();
    const missing = 1 - this.tokens;
    return missing <= TINY ? 0 : Math.ceil((missing / this.rate.perSecond) * 1000);
  }

  /** Whether it may happen now; if so, it counts. */
  take(): boolean {
    if (this.waitMs > 0) return false;
    this.tokens = Math.max(0, this.tokens - 1);
    return true;
  }

  /** The most tokens in the bucket. */
  protected get room(): number {
    return this.rate.burst;
  }

  /** Adds the tokens since the last refill. @param closedUntil no token is added before this monotonic time */
  protected fill(closedUntil = -Infinity): void {
    const now = this.clock.monotonic();
    const from = Math.max(this.#filledAt, Math.min(closedUntil, now));
    this.tokens = Math.min(this.room, this.tokens + ((now - from) / 1000) * this.rate.perSecond);
    this.#filledAt = now;
  }
}

/** A token bucket for each key; the least recently used keys are dropped. */
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
