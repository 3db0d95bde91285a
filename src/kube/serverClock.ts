import type { Clock } from '../clock.js';

/** Answers carry whole seconds, and take time to arrive: only more than this, in milliseconds, is a difference. */
const TOLERANCE_MS = 2_000;

/**
 * The API server's time, from the `Date` of its answers, going on with the monotonic clock in between: creation times and
 * deadlines are by it, and this node's own clock may be wrong, or jump.
 */
export class ServerClock implements Clock {
  readonly #clock: Clock;
  /** Between the API server's time and the monotonic one. */
  #offsetMs: number;

  /** @param clock believed until the first answer */
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

  /** @param date header of an answer that came just now, `durationMs` after its request */
  answered(date: string | undefined, durationMs: number): void {
    const time = Date.parse(date ?? '');
    const isOff = Math.abs(time - this.now()) > TOLERANCE_MS;
    if (isOff && durationMs < TOLERANCE_MS) this.#offsetMs = time - this.#clock.monotonic();
  }
}
