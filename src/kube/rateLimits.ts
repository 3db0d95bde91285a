import type { Clock } from '../clock.js';
import { RateLimit, type Rate } from '../rateLimit.js';

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
