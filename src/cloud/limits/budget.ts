import type { Clock } from '../../clock.js';
import type { Rate } from '../../rateLimit.js';
import { CloudRate } from './cloudRate.js';
import type { Priority } from '../../priority.js';

/** What the operator's config allows, per region and project. */
export interface BudgetOptions {
  /** The highest sustained rate, in calls per second. */
  readonly requestsPerSecond: number;
  /** How many calls may be made at once after a rest; 1 or more. */
  readonly burst: number;
}

/** How long a slot is kept for a key that was woken and has not come, in milliseconds. */
export const SLOT_MS = 30_000;
/** Every fifth slot goes to a low key, when some wait. */
const LOW_EVERY = 5;
/** A budget that nobody used for so long may be forgotten, in milliseconds. */
const IDLE_MS = 600_000;

/**
 * The requests that one project may make in one region. A key acquires a slot for a call at once, or is woken when one is
 * reserved for it, and acquires that. Nothing blocks, and nothing but the keys that wait is remembered.
 */
export class Budget {
  readonly #rate: CloudRate;
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
  readonly #waiting: Readonly<Record<Priority, Set<string>>> = { high: new Set(), low: new Set() };
  /** Slots that are reserved and not yet acquired, in the order of their ends on the monotonic clock. */
  readonly #slots = new Map<string, number>();
  #highInRow = 0;
  #cancelTimer: (() => void) | undefined;
  #usedAt: number;

  constructor(options: BudgetOptions, clock: Clock, random: () => number, wake: (key: string) => void) {
    this.#rate = new CloudRate(rateOf(options), clock, random);
    this.#clock = clock;
    this.#wake = wake;
    this.#usedAt = clock.monotonic();
  }

  /**
   * `acquired`: make the call now (`begin`), or `release`. `waiting`: `wake(key)` is called when a slot is reserved for the
   * key; acquire it then, within 30 s. A key that waits already keeps its place, and has the higher of both priorities.
   */
  acquire(key: string, priority: Priority): 'acquired' | 'waiting' {
    this.#usedAt = this.#clock.monotonic();
    this.#dropLapsedSlots();
    if (this.#slots.delete(key)) {
      this.#arm();
      return 'acquired';
    }
    const { high, low } = this.#waiting;
    if (high.size + low.size === 0 && this.#rate.reserve()) return 'acquired';
    if (!high.has(key)) {
      if (priority === 'high') low.delete(key);
      this.#waiting[priority].add(key);
    }
    this.#arm();
    return 'waiting';
  }

  /** The key waits no longer; a slot that is reserved for it is released. */
  cancel(key: string): void {
    this.#waiting.high.delete(key);
    this.#waiting.low.delete(key);
    if (this.#slots.delete(key)) this.release();
  }

  /** The call for an acquired slot begins. */
  begin(): void {
    this.#rate.spend();
  }

  /** Whether one more call may be made for an acquired slot; takes its token. */
  takeAnother(): boolean {
    return this.#rate.take();
  }

  /** The call for an acquired slot was not made after all. */
  release(): void {
    this.#rate.release();
    this.#arm();
  }

  /** Calls that could be made at once. */
  get tokens(): number {
    return this.#rate.free;
  }

  /** Keys that wait for a slot. */
  get waiting(): number {
    return this.#waiting.high.size + this.#waiting.low.size;
  }

  get paused(): boolean {
    return this.#rate.paused;
  }

  /** Has other limits from now on. */
  limit(options: BudgetOptions): void {
    this.#rate.limit(rateOf(options));
    this.#arm();
  }

  pause(ms: number): void {
    this.#rate.pause(ms);
    this.#takeBackSlots();
  }

  slowDown(retryAfterMs: number | undefined): void {
    this.#rate.slowDown(retryAfterMs);
    this.#takeBackSlots();
  }

  succeeded(): void {
    this.#rate.succeeded();
  }

  /** Nothing would be lost with it. */
  get idle(): boolean {
    const { high, low } = this.#waiting;
    const unused = this.#clock.monotonic() - this.#usedAt > IDLE_MS;
    return unused && high.size + low.size + this.#slots.size === 0 && this.#rate.rested;
  }

  /** Stops the timer; nobody is woken any more. */
  close(): void {
    this.#cancelTimer?.();
    this.#waiting.high.clear();
    this.#waiting.low.clear();
    this.#slots.clear();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const now = this.#clock.monotonic();
    const [firstEnd] = this.#slots.values();
    const lapse = firstEnd === undefined ? Infinity : firstEnd - now;
    const next = this.#waiting.high.size + this.#waiting.low.size === 0 ? Infinity : this.#rate.waitMs;
    const ms = Math.min(lapse, next);
    if (ms === Infinity) return;
    this.#cancelTimer = this.#clock.schedule(Math.max(0, ms), () => this.#giveSlots());
  }

  /** Slots that were reserved before a pause and not acquired are reserved again after it, first of all. */
  #takeBackSlots(): void {
    // Their tokens are lost: after a pause calls begin one by one.
    for (let slots = this.#slots.size; slots > 0; slots -= 1) this.#rate.spend();
    const { high, low } = this.#waiting;
    const later = [...high];
    high.clear();
    for (const key of [...this.#slots.keys(), ...later]) {
      low.delete(key);
      high.add(key);
    }
    this.#slots.clear();
    this.#arm();
  }

  #giveSlots(): void {
    this.#dropLapsedSlots();
    const woken: string[] = [];
    for (;;) {
      const queue = this.#nextQueue();
      const [key] = queue ?? [];
      if (queue === undefined || key === undefined || !this.#rate.reserve()) break;
      this.#highInRow = queue === this.#waiting.high ? this.#highInRow + 1 : 0;
      queue.delete(key);
      this.#slots.set(key, this.#clock.monotonic() + SLOT_MS);
      woken.push(key);
    }
    this.#arm();
    for (const key of woken) this.#wake(key);
  }

  #nextQueue(): Set<string> | undefined {
    const { high, low } = this.#waiting;
    const lowIsNext = low.size > 0 && this.#highInRow >= LOW_EVERY - 1;
    if (high.size > 0 && !lowIsNext) return high;
    return low.size > 0 ? low : undefined;
  }

  #dropLapsedSlots(): void {
    const now = this.#clock.monotonic();
    for (const [key, end] of this.#slots) {
      if (end > now) break;
      this.#slots.delete(key);
      this.#rate.release();
    }
  }
}

function rateOf({ requestsPerSecond, burst }: BudgetOptions): Rate {
  return { perSecond: requestsPerSecond, burst };
}
