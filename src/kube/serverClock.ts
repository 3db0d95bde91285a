import type { Clock } from '../clock.js';

/** Answers carry whole seconds and take time to arrive: only a difference above this (milliseconds) counts. */
const TOLERANCE_MS = 2_000;

/**
 * The API server's time, from the `Date` of its answers; between answers it follows the monotonic clock. Creation times
 * and deadlines use it, because this node's own clock may be wrong or jump.
 */
export class ServerClock implements Clock {
  readonly #clock: Clock;
  /** The difference between the API server's time and the monotonic time. */
  #offsetMs: number;

  /** @param clock used until the first answer */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  now(): number {
    return this.#clock.monotonic() + this.#offsetMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  schedule(ms: number, run: () => void): () => void {
    return this.#clock.schedule(ms, run);
  }

  /** @param date header of an answer that has just arrived, `durationMs` after its request */
  answered(date: string | undefined, durationMs: number): void {
    const time = Date.parse(date ?? '');
    const isOff = Math.abs(time - this.now()) > TOLERANCE_MS;
    if (isOff && durationMs < TOLERANCE_MS) this.#offsetMs = time - this.#clock.monotonic();
  }
}
