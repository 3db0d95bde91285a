import type { Clock } from '../../clock.js';
import type { CloudError } from '../errors.js';

export interface BreakerOptions {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** How long it is open at first, in milliseconds; it doubles with each probe that fails. */
  readonly openMs: number;
  readonly longestOpenMs: number;
  /** Calls under way count as failures until they end: there are never more failures in a row than `failures`. */
  readonly countsUnderWay: boolean;
}

/** One call that was let through; exactly one of these ends it, later ones do nothing. */
export interface BreakerSlot {
  succeeded(): void;
  /** `atOnce`: opens without waiting for more failures. */
  failed(cause: CloudError, atOnce?: boolean): void;
  /** The call showed nothing of what the breaker guards. */
  released(): void;
}

/** One slot that ends all of them. */
export function joined(slots: readonly BreakerSlot[]): BreakerSlot {
  return {
    succeeded: () => slots.forEach((slot) => slot.succeeded()),
    failed: (cause, atOnce) => slots.forEach((slot) => slot.failed(cause, atOnce)),
    released: () => slots.forEach((slot) => slot.released()),
  };
}

const JITTER = 0.15;
/** How long to wait while the one probe is under way, in milliseconds. */
const PROBE_MS = 5_000;

/** Circuit breaker: after failures in a row nothing is let through for a time, then one probe decides. */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #underWay = 0;
  #openings = 0;
  #openUntil = -Infinity;
  #cause: CloudError | undefined;
  #probing = false;

  constructor(options: BreakerOptions, clock: Clock, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Why no call may be made now: the error that opened it, with the time until it may change its mind, or `busy` while
   * calls under way use up what may still fail; undefined when a call may be made.
   */
  refusal(): CloudError | 'busy' | undefined {
    if (this.#cause !== undefined) {
      const left = this.#openUntil - this.#clock.monotonic();
      if (left > 0) return { ...this.#cause, retryAfterMs: Math.ceil(left) };
      return this.#probing ? { ...this.#cause, retryAfterMs: PROBE_MS } : undefined;
    }
    const { countsUnderWay, failures } = this.#options;
    return countsUnderWay && this.#failures + this.#underWay >= failures ? 'busy' : undefined;
  }

  /** Begins a call; only when nothing speaks against it (`refusal`). */
  acquire(): BreakerSlot {
    const isProbe = this.#cause !== undefined;
    this.#probing ||= isProbe;
    this.#underWay += 1;
    let ended = false;
    const end = (settle: () => void): void => {
      if (ended) return;
      ended = true;
      this.#underWay -= 1;
      if (isProbe) this.#probing = false;
      settle();
    };
    return {
      succeeded: () => end(() => this.#close()),
      failed: (cause, atOnce = false) => end(() => this.#fail(cause, isProbe || atOnce)),
      released: () => end(() => undefined),
    };
  }

  /** Whether it has let nothing but probes through since it opened. */
  get open(): boolean {
    return this.#cause !== undefined;
  }

  /** Nothing would be lost with it. */
  get idle(): boolean {
    return this.#failures === 0 && this.#underWay === 0 && this.#cause === undefined;
  }

  #close(): void {
    this.#failures = 0;
    this.#openings = 0;
    this.#cause = undefined;
    this.#openUntil = -Infinity;
  }

  #fail(cause: CloudError, atOnce: boolean): void {
    this.#failures += 1;
    const isOpen = this.#openUntil > this.#clock.monotonic();
    // Calls that were under way when it opened show nothing new.
    if (isOpen || (!atOnce && this.#failures < this.#options.failures)) return;
    const { openMs, longestOpenMs } = this.#options;
    const ms = Math.min(longestOpenMs, openMs * 2 ** this.#openings);
    this.#openings += 1;
    this.#cause = cause;
    this.#openUntil = this.#clock.monotonic() + ms * (1 + JITTER * this.#random());
  }
}
