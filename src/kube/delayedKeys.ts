import type { Clock } from '../clock.js';
import type { Priority } from '../priority.js';
import { TimerHeap, type HeapEntry } from './heap.js';

interface Delayed extends HeapEntry {
  readonly key: string;
  priority: Priority;
}

/**
 * Keys that are due later, each at most once. Of several delays of a key the earliest counts, and the highest priority.
 * One timer serves all keys.
 */
export class DelayedKeys {
  readonly #delayed = new Map<string, Delayed>();
  readonly #heap = new TimerHeap<Delayed>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = Infinity;

  /** @param onDue called with each key once, when it is due; must not throw */
  constructor(
    private readonly clock: Clock,
    private readonly onDue: (key: string, priority: Priority) => void,
  ) {}

  get size(): number {
    return this.#delayed.size;
  }

  /** @param ms milliseconds, above 0 */
  add(key: string, ms: number, priority: Priority): void {
    const at = this.clock.monotonic() + ms;
    const planned = this.#delayed.get(key);
    if (planned === undefined) {
      const entry: Delayed = { key, priority, at, index: -1 };
      this.#delayed.set(key, entry);
      this.#heap.push(entry);
    } else {
      if (priority === 'high') planned.priority = priority;
      if (planned.at <= at) return;
      this.#heap.remove(planned);
      planned.at = at;
      this.#heap.push(planned);
    }
    this.#arm();
  }

  cancel(key: string): void {
    const entry = this.#delayed.get(key);
    if (entry === undefined) return;
    this.#delayed.delete(key);
    this.#heap.remove(entry);
    this.#arm();
  }

  clear(): void {
    this.#delayed.clear();
    this.#heap.clear();
    this.#arm();
  }

  /** Sets the timer to the earliest of all keys. */
  #arm(): void {
    const at = this.#heap.peek()?.at ?? Infinity;
    if (at === this.#timerAt) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#cancelTimer = this.clock.schedule(at - this.clock.monotonic(), () => {
      this.#timerAt = Infinity;
      this.#takeDue();
      this.#arm();
    });
  }

  #takeDue(): void {
    const now = this.clock.monotonic();
    for (let entry = this.#heap.peek(); entry !== undefined && entry.at <= now; entry = this.#heap.peek()) {
      this.#heap.remove(entry);
      this.#delayed.delete(entry.key);
      this.onDue(entry.key, entry.priority);
    }
  }
}
