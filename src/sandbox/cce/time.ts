import type { Clock } from '../../clock.js';

/**
 * The two times of the simulated cloud. `jobs` is what job scripts play by: it can be sped up and pushed forward.
 * `wall` is what tokens, signatures, locks and rate limits go by: the real clock, off by `skewMs` where a test or a
 * user wants a cloud whose clock disagrees with theirs.
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

  /** Pushes the jobs' clock forward. */
  advance(ms: number): void {
    this.#jobsThen += ms;
  }
}
