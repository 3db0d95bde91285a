import type { Clock } from '../../clock.js';

/** From this many entries on, idle ones are dropped. */
const FIRST_SWEEP = 256;
/** Entries that were not used for this time may be dropped, in milliseconds. */
const UNUSED_MS = 600_000;

interface Entry<T> {
  readonly value: T;
  /** On the monotonic clock. */
  usedAt: number;
}

/**
 * Entries by key, made when first needed. As the pool grows, it drops entries that are idle and were not used for long,
 * so that it holds at most about twice the entries in use.
 */
export class Pool<T extends { readonly idle: boolean }> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #clock: Clock;
  #sweepAt = FIRST_SWEEP;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string, make: () => T): T {
    const now = this.#clock.monotonic();
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.usedAt = now;
      return known.value;
    }
    if (this.#entries.size >= this.#sweepAt) this.sweep();
    const value = make();
    this.#entries.set(key, { value, usedAt: now });
    return value;
  }

  entries(): [string, T][] {
    return [...this.#entries].map(([key, { value }]) => [key, value]);
  }

  /** Drops entries that are idle and were not used for long. */
  sweep(): void {
    const unusedSince = this.#clock.monotonic() - UNUSED_MS;
    for (const [key, { value, usedAt }] of this.#entries) {
      if (usedAt < unusedSince && value.idle) this.#entries.delete(key);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#entries.size);
  }
}
