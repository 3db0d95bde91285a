import type { Clock } from '../../src/clock.js';

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #sequence = 0;
  readonly #tasks = new Map<number, { readonly at: number; readonly task: () => void }>();

  constructor(now: number | string = '2026-01-01T00:00:00Z') {
    this.#now = typeof now === 'string' ? Date.parse(now) : now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  schedule(ms: number, task: () => void): () => void {
    const id = (this.#sequence += 1);
    this.#tasks.set(id, { at: this.#monotonic + Math.max(0, ms), task });
    return () => this.#tasks.delete(id);
  }

  /** How many tasks wait. */
  get pending(): number {
    return this.#tasks.size;
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
    for (;;) {
      const due = [...this.#tasks]
        .filter(([, { at }]) => at <= end)
        .toSorted(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (due === undefined) break;
      const [id, { at, task }] = due;
      this.#tasks.delete(id);
      this.#now += Math.max(0, at - this.#monotonic);
      this.#monotonic = Math.max(this.#monotonic, at);
      task();
      await settle();
    }
    this.#now += end - this.#monotonic;
    this.#monotonic = end;
  }
}

/** Lets every promise that can settle without time or I/O do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
