/** An entry of a `TimerHeap`; `index` is the heap's own. */
export interface HeapEntry {
  /** When it is due, in milliseconds of monotonic time. */
  at: number;
  index: number;
}

/** A binary heap that has the earliest entry on top and can remove any entry: log n each, and no leftovers. */
export class TimerHeap<E extends HeapEntry> {
  readonly #entries: E[] = [];

  get size(): number {
    return this.#entries.length;
  }

  peek(): E | undefined {
    return this.#entries[0];
  }

  push(entry: E): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  remove(entry: E): void {
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#rise(last, entry.index);
    this.#sink(last, last.index);
  }

  clear(): void {
    this.#entries.length = 0;
  }

  #rise(entry: E, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#entries[above];
      if (parent === undefined || parent.at <= entry.at) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(entry, index);
  }

  #sink(entry: E, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#entries[2 * index + 1];
      const right = this.#entries[2 * index + 2];
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (child === undefined || child.at >= entry.at) break;
      const below = child.index;
      this.#place(child, index);
      index = below;
    }
    this.#place(entry, index);
  }

  #place(entry: E, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }
}
