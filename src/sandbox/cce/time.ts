import type { Clock } from '../../clock.js';

/**
 * The two clocks of the simulated cloud. `jobs` is for job scripts: it can be sped up and moved forward. `wall` is for
 * tokens, signatures, locks and rate limits: the real clock plus `skewMs`, with which a test or a user can make the
 * cloud's clock wrong.
 */
export class CloudTime {
  readonly clock: Clock;
  #speed: number;
  #jobsThen: number;
  #monotonicThen: number;
  skewMs = 0;

  constructor(clock: Clock, speed = 1) {
    this.clock = clock;
    this.#speed = speed;
    this.#jobsThen = clock.now();
    this.#monotonicThen = clock.monotonic();
  }

  /** Milliseconds since the epoch, by the jobs' clock. */
  jobs(): number {
    return this.#jobsThen + (this.clock.monotonic() - this.#monotonicThen) * this.#speed;
  }

  /** Milliseconds since the epoch, by the cloud's wall clock. */
  wall(): number {
    return this.clock.now() + this.skewMs;
  }

  get speed(): number {
    return this.#speed;
  }

  /** From now on the jobs' clock runs `speed` times as fast as the real one; 0 stops it. */
  setSpeed(speed: number): void {
    this.#jobsThen = this.jobs();
    this.#monotonicThen = this.clock.monotonic();
    this.#speed = speed;
  }

  /** Moves the jobs' clock forward. */
  advance(ms: number): void {
    this.#jobsThen += ms;
  }
}
