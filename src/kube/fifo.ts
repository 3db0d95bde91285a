/** Keyed values in order of arrival; every operation, removal from the middle included, in constant time. */
export class Fifo<V> extends Map<string, V> {
  /**
   * Kept from one `shift` to the next: a Map keeps removed entries for a while, and a new iterator would walk over
   * all of them. It never ends for good, because `shift` asks it only while there are entries, and all lie ahead of it.
   */
  readonly #next = this.entries();

  /** The value that `shift` would take. */
  get first(): V | undefined {
    const [first] = this.values();
    return first;
  }

  /** Takes the first. */
  shift(): { readonly key: string; readonly value: V } | undefined {
    const next = this.size === 0 ? undefined : this.#next.next().value;
    if (next === undefined) return undefined;
    const [key, value] = next;
    this.delete(key);
    return { key, value };
  }
}
