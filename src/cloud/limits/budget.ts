import type { Clock } from '../../clock.js';
import type { Priority } from '../../priority.js';
import type { Rate } from '../../rateLimit.js';
import { CloudRate } from './cloudRate.js';
import { Pool } from './pool.js';
import type { Room, Waiter } from './room.js';

/** The limits in the operator's config, per region and project. */
export interface BudgetOptions {
  /** The highest sustained rate, in calls per second. */
  readonly requestsPerSecond: number;
  /** The most calls at once after a rest; 1 or more. */
  readonly burst: number;
}

export interface BudgetParts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Of the region. */
  readonly room: Room;
  readonly wake: (key: string) => void;
}

/** How long a slot is kept for a key that was woken and has not acquired it yet, in milliseconds. */
export const SLOT_MS = 30_000;
/** Every fifth slot goes to a low key, if one waits. */
const LOW_EVERY = 5;

/** The calls of one credential, which the cloud may slow down, and the keys that wait for one. */
class Lane {
  readonly waiting: Readonly<Record<Priority, Set<string>>> = { high: new Set(), low: new Set() };

  constructor(readonly rate: CloudRate) {}

  get size(): number {
    return this.waiting.high.size + this.waiting.low.size;
  }

  get idle(): boolean {
    return this.size === 0 && this.rate.rested;
  }
}

/** A slot for one call, and for more while the budget has tokens; `release` ends it. */
export interface BudgetSlot {
  /** Whether a call may be made now; if so, it counts. The first may be, unless there is a pause. */
  mayCall(): boolean;
  /** Whether any call was made. */
  readonly called: boolean;
  /** The call has ended, or was not made. */
  release(): void;
  /** Reports the cloud's answer; `all`: it concerns everybody in the project. */
  succeeded(): void;
  pause(ms: number): void;
  slowDown(retryAfterMs: number | undefined, all: boolean): void;
}

/**
 * The requests that one project may make in one region. A key acquires a slot for a call at once; or it is woken when one is
 * reserved for it, and acquires that. Nothing blocks, and only the waiting keys are remembered. The credentials of the
 * project take turns, and each is slowed down separately.
 */
export class Budget implements Waiter {
  readonly #parts: BudgetParts;
  readonly #rate: CloudRate;
  readonly #lanes: Pool<Lane>;
  /** The lanes in which keys wait; the most recently served lane is last. */
  readonly #turns = new Set<Lane>();
  /** Slots that are reserved and not yet acquired, in the order of their ends on the monotonic clock. */
  readonly #slots = new Map<string, { readonly end: number; readonly lane: Lane }>();
  #limits: Rate;
  #highInRow = 0;
  #waitsForRoom = false;
  #underWay = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: BudgetOptions, parts: BudgetParts) {
    const { clock, random } = parts;
    this.#parts = parts;
    this.#limits = rateOf(options);
    this.#rate = new CloudRate(this.#limits, clock, random);
    this.#lanes = new Pool(clock);
  }

  /**
   * A slot: make the call now (`mayCall`), and `release`. `waiting`: `wake(key)` is called when a slot is reserved for the
   * key; acquire it then, within 30 s. A key that already waits keeps its place, with the higher of both priorities.
   *
   * @param credential the fingerprint of the credential with which it calls
   */
  acquire(key: string, credential: string, priority: Priority): BudgetSlot | 'waiting' {
    this.#dropLapsedSlots();
    const reserved = this.#slots.get(key);
    if (reserved !== undefined) {
      this.#slots.delete(key);
      this.#arm();
      return this.#slotIn(reserved.lane);
    }
    const lane = this.#laneOf(credential);
    if (this.#next() === undefined && this.#reserve(lane)) return this.#slotIn(lane);
    const { high, low } = lane.waiting;
    if (!high.has(key)) {
      if (priority === 'high') low.delete(key);
      lane.waiting[priority].add(key);
    }
    this.#turns.add(lane);
    this.#arm();
    return 'waiting';
  }

  /** The key no longer waits; a slot that is reserved for it is released. */
  cancel(key: string, credential: string): void {
    const lane = this.#laneOf(credential);
    lane.waiting.high.delete(key);
    lane.waiting.low.delete(key);
    if (lane.size === 0) this.#turns.delete(lane);
    const reserved = this.#slots.get(key);
    if (reserved === undefined) return;
    this.#slots.delete(key);
    this.#giveBack(reserved.lane);
    this.#arm();
  }

  /** Calls that could be made at once. */
  get tokens(): number {
    return this.#rate.free;
  }

  /** Keys that wait for a slot. */
  get waiting(): number {
    return [...this.#turns].reduce((sum, { size }) => sum + size, 0);
  }

  /** Sets new limits. */
  limit(options: BudgetOptions): void {
    this.#limits = rateOf(options);
    this.#rate.limit(this.#limits);
    for (const [, { rate }] of this.#lanes.entries()) rate.limit(this.#limits);
    this.#arm();
  }

  hasRoom(): void {
    this.#waitsForRoom = false;
    this.#giveSlots();
  }

  /** Whether it can be dropped without losing anything. */
  get idle(): boolean {
    const isUnused = this.#turns.size + this.#slots.size + this.#underWay === 0;
    return isUnused && this.#rate.rested && this.#lanes.entries().every(([, lane]) => lane.idle);
  }

  /** Stops the timer and the waking of keys. */
  close(): void {
    this.#cancelTimer?.();
    this.#parts.room.cancel(this);
    this.#turns.clear();
    this.#slots.clear();
  }

  #laneOf(credential: string): Lane {
    const { clock, random } = this.#parts;
    return this.#lanes.get(credential, () => new Lane(new CloudRate(this.#limits, clock, random)));
  }

  #slotIn(lane: Lane): BudgetSlot {
    const both = [this.#rate, lane.rate];
    let called = false;
    this.#underWay += 1;
    return {
      mayCall: () => {
        if (called) return both.every(({ waitMs }) => waitMs === 0) && both.every((rate) => rate.take());
        if (both.some(({ paused }) => paused)) return false;
        for (const rate of both) rate.spend();
        called = true;
        return true;
      },
      get called() {
        return called;
      },
      release: () => {
        this.#underWay -= 1;
        if (called) this.#parts.room.leave();
        else this.#giveBack(lane);
        this.#arm();
      },
      succeeded: () => both.forEach((rate) => rate.succeeded()),
      pause: (ms) => {
        lane.rate.pause(ms);
        this.#takeBackSlots(lane);
      },
      slowDown: (retryAfterMs, all) => {
        (all ? this.#rate : lane.rate).slowDown(retryAfterMs);
        this.#takeBackSlots(all ? undefined : lane);
      },
    };
  }

  /** Reserves a token of both rates and a place; `#giveBack` returns them. */
  #reserve({ rate }: Lane): boolean {
    if (this.#rate.waitMs > 0 || rate.waitMs > 0) return false;
    if (!this.#parts.room.take(this)) {
      this.#waitsForRoom = true;
      return false;
    }
    return this.#rate.reserve() && rate.reserve();
  }

  #giveBack({ rate }: Lane): void {
    this.#rate.release();
    rate.release();
    this.#parts.room.leave();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const [first] = this.#slots.values();
    const lapse = first === undefined ? Infinity : first.end - this.#parts.clock.monotonic();
    const ofLanes = this.#waitsForRoom ? [] : [...this.#turns].map(({ rate }) => rate.waitMs);
    const ms = Math.min(lapse, Math.max(this.#rate.waitMs, Math.min(Infinity, ...ofLanes)));
    if (ms === Infinity) return;
    this.#cancelTimer = this.#parts.clock.schedule(Math.max(0, ms), () => this.#giveSlots());
  }

  /** After a pause, slots that were reserved before it and not acquired are reserved again first. */
  #takeBackSlots(paused: Lane | undefined): void {
    const before: [string, Lane][] = [];
    for (const [key, { lane }] of this.#slots) {
      if (paused !== undefined && lane !== paused) continue;
      this.#slots.delete(key);
      // Their tokens are lost: after a pause calls begin one by one.
      this.#rate.spend();
      lane.rate.spend();
      this.#parts.room.leave();
      before.push([key, lane]);
    }
    for (const [key, lane] of before.toReversed()) {
      lane.waiting.low.delete(key);
      putFirst(lane.waiting.high, key);
      this.#turns.add(lane);
    }
    this.#arm();
  }

  #giveSlots(): void {
    this.#dropLapsedSlots();
    const woken: string[] = [];
    for (let next = this.#next(); next !== undefined && this.#reserve(next.lane); next = this.#next()) {
      const { lane, priority, key } = next;
      this.#highInRow = priority === 'high' ? this.#highInRow + 1 : 0;
      lane.waiting[priority].delete(key);
      this.#turns.delete(lane);
      if (lane.size > 0) this.#turns.add(lane);
      this.#slots.set(key, { end: this.#parts.clock.monotonic() + SLOT_MS, lane });
      woken.push(key);
    }
    this.#arm();
    for (const key of woken) this.#parts.wake(key);
  }

  /** The first key of the first lane that may call now. */
  #next(): { readonly lane: Lane; readonly priority: Priority; readonly key: string } | undefined {
    const isLowsTurn = this.#highInRow >= LOW_EVERY - 1;
    const order: Priority[] = isLowsTurn ? ['low', 'high'] : ['high', 'low'];
    for (const priority of order) {
      for (const lane of this.#turns) {
        const [key] = lane.waiting[priority];
        if (key !== undefined && lane.rate.waitMs === 0) return { lane, priority, key };
      }
    }
    return undefined;
  }

  #dropLapsedSlots(): void {
    const now = this.#parts.clock.monotonic();
    for (const [key, { end, lane }] of this.#slots) {
      if (end > now) break;
      this.#slots.delete(key);
      this.#giveBack(lane);
    }
  }
}

function putFirst(keys: Set<string>, key: string): void {
  const others = [...keys];
  keys.clear();
  for (const one of [key, ...others]) keys.add(one);
}

function rateOf({ requestsPerSecond, burst }: BudgetOptions): Rate {
  return { perSecond: requestsPerSecond, burst };
}
