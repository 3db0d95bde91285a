/** Keyed values in order of arrival; every operation, removal from the middle included, in constant time. */
export class Fifo<V> {
  readonly #values = new Map<string, V>();
  /**
   * Kept from one `shift` to the next: a Map keeps removed entries for a while, and a new iterator would walk over
   * all of them. It never ends for good, because all present entries lie ahead of it.
   */
  #iterator = this.#values.entries();

  get size(): number {
    return this.#values.size;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** The value that `shift` would take. */
  get first(): V | undefined {
    const [first] = this.#values.values();
    return first;
  }

  /** Puts it last; the key must not be present. */
  push(key: string, value: V): void {
    this.#values.set(key, value);
  }

  /** Takes the first. */
  shift(): { readonly key: string; readonly value: V } | undefined {
    if (this.#values.size === 0) return undefined;
    const next = this.#iterator.next();
    if (next.done === true) return undefined;
    const [key, value] = next.value;
    this.#values.delete(key);
    return { key, value };
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
    this.#iterator = this.#values.entries();
  }
}
