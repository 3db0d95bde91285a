/** From this many entries on, idle ones are dropped. */
const FIRST_SWEEP = 256;

/**
 * Things by their key, made when first needed. Idle ones are dropped as the pool grows, so that it holds at most
 * about twice as many as are in use.
 */
export class Pool<T extends { readonly idle: boolean }> {
  readonly #entries = new Map<string, T>();
  readonly #make: () => T;
  #sweepAt = FIRST_SWEEP;

  constructor(make: () => T) {
    this.#make = make;
  }

  get(key: string): T {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
    const made = this.#make();
    this.#entries.set(key, made);
    return made;
  }

  values(): Iterable<T> {
    return this.#entries.values();
  }

  entries(): Iterable<readonly [string, T]> {
    return this.#entries.entries();
  }

  get size(): number {
    return this.#entries.size;
  }

  #sweep(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.idle) this.#entries.delete(key);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#entries.size);
  }
}
