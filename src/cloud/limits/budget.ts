import type { Clock } from '../../clock.js';
import { TokenBucket, type BucketOptions } from './tokenBucket.js';
import type { Priority } from '../../priority.js';

/** How long a turn is kept for a key that was woken and has not come, in milliseconds. */
export const TURN_MS = 30_000;
/** Every fifth turn goes to a low key, when some wait. */
const LOW_EVERY = 5;
/** A budget that nobody used for so long may be forgotten, in milliseconds. */
const IDLE_MS = 600_000;

/**
 * The requests that one project may make in one region, as a turnstile: a key enters at once, or is woken when it is
 * its turn and then enters. Nothing blocks, and nothing but the keys that wait is remembered.
 */
export class Budget {
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
  readonly #waiting: Readonly<Record<Priority, Set<string>>> = { high: new Set(), low: new Set() };
  /** Turns that are given and not yet taken, in the order of their ends on the monotonic clock. */
  readonly #turns = new Map<string, number>();
  #highInRow = 0;
  #cancelTimer: (() => void) | undefined;
  #usedAt: number;

  constructor(options: BucketOptions, clock: Clock, random: () => number, wake: (key: string) => void) {
    this.#bucket = new TokenBucket(options, clock, random);
    this.#clock = clock;
    this.#wake = wake;
    this.#usedAt = clock.monotonic();
  }

  /**
   * `admitted`: make the call now (`begin`), or `putBack`. `waiting`: `wake(key)` is called when it is the key's turn; enter again then,
   * within 30 s. Entering again while waiting keeps the place, and raises the priority where it is higher now.
   */
  enter(key: string, priority: Priority): 'admitted' | 'waiting' {
    this.#usedAt = this.#clock.monotonic();
    this.#dropLapsedTurns();
    if (this.#turns.delete(key)) {
      this.#arm();
      return 'admitted';
    }
    const { high, low } = this.#waiting;
    if (high.size + low.size === 0 && this.#bucket.reserve()) return 'admitted';
    if (!high.has(key)) {
      if (priority === 'high') low.delete(key);
      this.#waiting[priority].add(key);
    }
    this.#arm();
    return 'waiting';
  }

  /** The key waits no longer, and gives back a turn that it has. */
  leave(key: string): void {
    this.#waiting.high.delete(key);
    this.#waiting.low.delete(key);
    if (this.#turns.delete(key)) this.putBack();
  }

  /** The call of an admitted key begins. */
  begin(): void {
    this.#bucket.spend();
  }

  /** Whether one more call may be made out of turn, by somebody who is in already; takes its token. */
  takeAnother(): boolean {
    return this.#bucket.take();
  }

  /** The call of an admitted key was not made after all. */
  putBack(): void {
    this.#bucket.putBack();
    this.#arm();
  }

  /** Calls that could be made at once. */
  get tokens(): number {
    return this.#bucket.tokens;
  }

  /** Keys that wait for their turn. */
  get waiting(): number {
    return this.#waiting.high.size + this.#waiting.low.size;
  }

  get paused(): boolean {
    return this.#bucket.paused;
  }

  /** Has other limits from now on. */
  limit(options: BucketOptions): void {
    this.#bucket.limit(options);
    this.#arm();
  }

  pause(ms: number): void {
    this.#bucket.pause(ms);
    this.#takeBackTurns();
  }

  slowDown(retryAfterMs: number | undefined): void {
    this.#bucket.slowDown(retryAfterMs);
    this.#takeBackTurns();
  }

  succeeded(): void {
    this.#bucket.succeeded();
  }

  /** Nothing would be lost with it. */
  get idle(): boolean {
    const { high, low } = this.#waiting;
    const unused = this.#clock.monotonic() - this.#usedAt > IDLE_MS;
    return unused && high.size + low.size + this.#turns.size === 0 && this.#bucket.rested;
  }

  /** Stops the timer; nobody is woken any more. */
  close(): void {
    this.#cancelTimer?.();
    this.#waiting.high.clear();
    this.#waiting.low.clear();
    this.#turns.clear();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const now = this.#clock.monotonic();
    const [firstEnd] = this.#turns.values();
    const lapse = firstEnd === undefined ? Infinity : firstEnd - now;
    const next = this.#waiting.high.size + this.#waiting.low.size === 0 ? Infinity : this.#bucket.waitMs();
    const ms = Math.min(lapse, next);
    if (ms === Infinity) return;
    this.#cancelTimer = this.#clock.schedule(Math.max(0, ms), () => this.#giveTurns());
  }

  /** Turns that were given before a pause and not taken are given again after it, first of all. */
  #takeBackTurns(): void {
    // Their tokens are lost: after a pause calls begin one by one.
    for (let turns = this.#turns.size; turns > 0; turns -= 1) this.#bucket.spend();
    const { high, low } = this.#waiting;
    const later = [...high];
    high.clear();
    for (const key of [...this.#turns.keys(), ...later]) {
      low.delete(key);
      high.add(key);
    }
    this.#turns.clear();
    this.#arm();
  }

  #giveTurns(): void {
    this.#dropLapsedTurns();
    const woken: string[] = [];
    for (;;) {
      const queue = this.#nextQueue();
      const [key] = queue ?? [];
      if (queue === undefined || key === undefined || !this.#bucket.reserve()) break;
      this.#highInRow = queue === this.#waiting.high ? this.#highInRow + 1 : 0;
      queue.delete(key);
      this.#turns.set(key, this.#clock.monotonic() + TURN_MS);
      woken.push(key);
    }
    this.#arm();
    for (const key of woken) this.#wake(key);
  }

  #nextQueue(): Set<string> | undefined {
    const { high, low } = this.#waiting;
    const lowsTurn = low.size > 0 && this.#highInRow >= LOW_EVERY - 1;
    if (high.size > 0 && !lowsTurn) return high;
    return low.size > 0 ? low : undefined;
  }

  #dropLapsedTurns(): void {
    const now = this.#clock.monotonic();
    for (const [key, end] of this.#turns) {
      if (end > now) break;
      this.#turns.delete(key);
      this.#bucket.putBack();
    }
  }
}
