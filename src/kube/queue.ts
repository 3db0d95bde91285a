import type { Clock } from '../clock.js';
import { backoffMs } from './backoff.js';
import type { Backoff } from './backoff.js';
import { DelayedKeys } from './delayedKeys.js';
import { Fifo } from './fifo.js';
import { onAbort } from '../signals.js';
import type { Priority } from '../priority.js';

/** A key that the caller of `get` owns until `done`. */
export interface WorkItem {
  readonly key: string;
  readonly priority: Priority;
  /** How long it waited since it was due, in milliseconds. */
  readonly waitedMs: number;
}

/** The numbers of the queue, now and since it was made; times in milliseconds. */
export interface QueueStats {
  /** Keys that are due and wait for a worker. */
  readonly depth: number;
  /** Keys that have a worker. */
  readonly processing: number;
  /** Keys added since the start (not counted: keys that waited already), and the retries among them. */
  readonly adds: number;
  readonly retries: number;
  /** How long keys have been with a worker: the sum over all, and the longest. */
  readonly unfinishedMs: number;
  readonly longestMs: number;
  /** How long keys have been due while no key got a worker; 0 when none is due. */
  readonly stuckMs: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Returns 0 up to, not including, 1. */
  readonly random: () => number;
  /** For `addRateLimited`, per key. */
  readonly backoff?: Backoff;
}

/** client-go's first wait, but not its last one (1,000 s): after a long outage keys are retried soon. */
const RETRY_BACKOFF: Backoff = { baseMs: 5, maxMs: 30_000 };
/** While low keys wait, one of this many keys given out is a low one. */
const LOW_EVERY = 10;

interface Waiting {
  readonly priority: Priority;
  readonly since: number;
}

/**
 * Keys that wait for work, each at most once, with the semantics of client-go's workqueue:
 * - a key has one worker at a time;
 * - a key that is added while it waits is there once; if added while a worker has it, it is processed once more;
 * - of several delayed adds of a key, the earliest counts, and the highest priority.
 *
 * High keys go first, but low ones are not starved. Due keys wait in order of arrival.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #ready: Record<Priority, Fifo<Waiting>> = { high: new Fifo(), low: new Fifo() };
  /** When each key got its worker. */
  readonly #processing = new Map<string, number>();
  /** Added while being processed. */
  readonly #dirty = new Map<string, Waiting>();
  readonly #delayed: DelayedKeys;
  readonly #failures = new Map<string, number>();
  /** Workers that wait; the last one is served first. */
  readonly #takers: ((item: WorkItem | undefined) => void)[] = [];
  #highInRow = 0;
  #adds = 0;
  #retries = 0;
  #lastTakenAt = -Infinity;
  #shutDown = false;

  constructor({ clock, random, backoff = RETRY_BACKOFF }: WorkQueueOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#backoff = backoff;
    this.#delayed = new DelayedKeys(clock, (key, priority) => this.add(key, priority));
  }

  /** Keys that are due and wait for a worker. */
  get depth(): number {
    return this.#ready.high.size + this.#ready.low.size;
  }

  /** Keys that are not due yet. */
  get delayed(): number {
    return this.#delayed.size;
  }

  stats(): QueueStats {
    const now = this.#clock.monotonic();
    const ages = [...this.#processing.values()].map((since) => now - since);
    const { high, low } = this.#ready;
    const dueSince = Math.min(high.first?.since ?? now, low.first?.since ?? now);
    return {
      depth: this.depth,
      processing: ages.length,
      adds: this.#adds,
      retries: this.#retries,
      unfinishedMs: ages.reduce((sum, age) => sum + age, 0),
      longestMs: Math.max(0, ...ages),
      stuckMs: now - Math.max(dueSince, this.#lastTakenAt),
    };
  }

  /** Adds the key, to be processed as soon as possible. */
  add(key: string, priority: Priority): void {
    if (this.#shutDown) return;
    const now = this.#clock.monotonic();
    if (this.#processing.has(key)) {
      if (!this.#dirty.has(key)) this.#adds += 1;
      this.#dirty.set(key, merge(this.#dirty.get(key), { priority, since: now }));
      return;
    }
    if (this.#ready.high.has(key)) return;
    const waiting = this.#ready.low.get(key);
    if (waiting !== undefined && priority === 'low') return;
    if (waiting === undefined) this.#adds += 1;
    this.#ready.low.delete(key);
    this.#ready[priority].set(key, merge(waiting, { priority, since: now }));
    this.#handOut();
  }

  /** Adds the key after `ms` milliseconds; at once if that is not above 0. */
  addAfter(key: string, ms: number, priority: Priority): void {
    if (Number.isNaN(ms)) throw new RangeError('a delay must be a number of milliseconds');
    if (this.#shutDown) return;
    if (ms <= 0) {
      this.add(key, priority);
      return;
    }
    this.#delayed.add(key, ms, priority);
  }

  /** Adds the key after a wait that doubles with each call since the last `forget`. */
  addRateLimited(key: string, priority: Priority): void {
    if (this.#shutDown) return;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#retries += 1;
    this.addAfter(key, backoffMs(failures, this.#backoff, this.#random), priority);
  }

  /** The key's work succeeded: the next `addRateLimited` waits the shortest time again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How many times `addRateLimited` was called since the last `forget`. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Cancels what `addAfter` and `addRateLimited` planned for the key. */
  cancelDelayed(key: string): void {
    this.#delayed.cancel(key);
  }

  /** Removes the key, waiting or planned; a worker that has it may finish. */
  cancel(key: string): void {
    this.cancelDelayed(key);
    this.#ready.high.delete(key);
    this.#ready.low.delete(key);
    this.#dirty.delete(key);
  }

  /** Waits for the next key; undefined when the queue was shut down or the signal aborts. */
  get(signal: AbortSignal): Promise<WorkItem | undefined> {
    if (this.#shutDown || signal.aborted) return Promise.resolve(undefined);
    const item = this.#take();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => {
      const finish = (taken: WorkItem | undefined): void => {
        unlisten();
        resolve(taken);
      };
      const unlisten = onAbort(signal, () => {
        this.#takers.splice(this.#takers.indexOf(finish), 1);
        resolve(undefined);
      });
      this.#takers.push(finish);
    });
  }

  /** Releases the key; it is processed again at once if it was added in the meantime. */
  done(key: string): void {
    if (!this.#processing.delete(key)) return;
    const dirty = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (dirty !== undefined && !this.#shutDown) {
      this.#ready[dirty.priority].set(key, dirty);
      this.#handOut();
    }
  }

  /** Drops the waiting keys, refuses new ones, and ends all waiting in `get`. */
  shutDown(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    this.#ready.high.clear();
    this.#ready.low.clear();
    this.#dirty.clear();
    this.#delayed.clear();
    this.#failures.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #handOut(): void {
    while (this.#takers.length > 0) {
      const item = this.#take();
      if (item === undefined) return;
      this.#takers.pop()?.(item);
    }
  }

  #take(): WorkItem | undefined {
    const { high, low } = this.#ready;
    const lowsTurn = low.size > 0 && (high.size === 0 || this.#highInRow >= LOW_EVERY - 1);
    const priority = lowsTurn ? 'low' : 'high';
    const taken = this.#ready[priority].shift();
    if (taken === undefined) return undefined;
    this.#highInRow = priority === 'high' && low.size > 0 ? this.#highInRow + 1 : 0;
    const now = this.#clock.monotonic();
    this.#processing.set(taken.key, now);
    this.#lastTakenAt = now;
    return { key: taken.key, priority, waitedMs: now - taken.value.since };
  }
}

/** The numbers of several queues together. */
export function sumOfStats(all: readonly QueueStats[]): QueueStats {
  const sum = (of: (stats: QueueStats) => number): number =>
    all.reduce((total, stats) => total + of(stats), 0);
  const longest = (of: (stats: QueueStats) => number): number => Math.max(0, ...all.map(of));
  return {
    depth: sum(({ depth }) => depth),
    processing: sum(({ processing }) => processing),
    adds: sum(({ adds }) => adds),
    retries: sum(({ retries }) => retries),
    unfinishedMs: sum(({ unfinishedMs }) => unfinishedMs),
    longestMs: longest(({ longestMs }) => longestMs),
    stuckMs: longest(({ stuckMs }) => stuckMs),
  };
}

/** Two adds of one key: the longer wait and the higher priority. */
function merge(before: Waiting | undefined, after: Waiting): Waiting {
  if (before === undefined) return after;
  return { since: before.since, priority: before.priority === 'high' ? 'high' : after.priority };
}
