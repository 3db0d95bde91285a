import type { Clock } from '../../src/clock.js';
import { TimerHeap, type HeapEntry } from '../../src/kube/heap.js';

/** All tasks of one instant, in the order in which they were scheduled. */
interface Instant extends HeapEntry {
  readonly tasks: Set<{ readonly run: () => void }>;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #pending = 0;
  readonly #instants = new Map<number, Instant>();
  readonly #heap = new TimerHeap<Instant>();

  constructor(now: number | string = '2026-01-01T00:00:00Z') {
    this.#now = typeof now === 'string' ? Date.parse(now) : now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  schedule(ms: number, run: () => void): () => void {
    const instant = this.#instantAt(this.#monotonic + Math.max(0, ms));
    const task = { run };
    instant.tasks.add(task);
    this.#pending += 1;
    return () => this.#remove(instant, task);
  }

  /** How many tasks wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Steps the wall clock alone, as NTP or an administrator does. */
  step(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on and runs nothing, as when the process is paused; what fell due runs with the next `advance`. */
  pause(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
  }

  /** Moves time on, runs what falls due in order, and lets promises settle after each task. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let next = this.#heap.peek(); next !== undefined && next.at <= end; next = this.#heap.peek()) {
      this.#now += Math.max(0, next.at - this.#monotonic);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      const [task] = next.tasks;
      if (task === undefined) break;
      this.#remove(next, task);
      task.run();
      await settle();
    }
    this.#now += end - this.#monotonic;
    this.#monotonic = end;
  }

  #instantAt(at: number): Instant {
    const known = this.#instants.get(at);
    if (known !== undefined) return known;
    const instant: Instant = { at, index: -1, tasks: new Set() };
    this.#instants.set(at, instant);
    this.#heap.push(instant);
    return instant;
  }

  #remove(instant: Instant, task: { readonly run: () => void }): void {
    if (!instant.tasks.delete(task)) return;
    this.#pending -= 1;
    if (instant.tasks.size > 0) return;
    this.#instants.delete(instant.at);
    this.#heap.remove(instant);
  }
}

/** Lets every promise that can settle without time or I/O do so. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
