import type { Clock } from '../clock.js';
import type { Logger } from '../ops/log.js';
import type { Backoff } from './backoff.js';
import type { KubeClient } from './client.js';
import { localError } from './errors.js';
import { eventName, type EventDetails, type Regarding, type Reporter } from './eventObject.js';
import { EventWriter, isRefusal, type PendingEvent } from './eventWriter.js';
import { WorkQueue } from './queue.js';
import { RateLimit, RateLimits, type Rate } from '../rateLimit.js';
import { onAbort, sleep, withDeadline } from '../signals.js';

export interface EventLimits {
  /** For all objects together. Events above it wait: if thousands of objects change at once, statuses go before events. */
  readonly overall: Rate;
  /** For all objects together, while other work waits. */
  readonly whileBusy: Rate;
  /** For one object. Events above it are dropped. */
  readonly perObject: Rate;
  /** Events that are remembered, pending ones included; the oldest is dropped for one more. */
  readonly entries: number;
  /** One request, in milliseconds. */
  readonly requestMs: number;
  /** For an event that the API server failed to store. */
  readonly backoff: Backoff;
  /** Repeats within this time, in milliseconds, are sent with one request. */
  readonly seriesMs: number;
}

const EVENT_LIMITS: EventLimits = {
  overall: { perSecond: 50, burst: 250 },
  whileBusy: { perSecond: 2, burst: 20 },
  perObject: { perSecond: 0.1, burst: 50 },
  entries: 10_000,
  requestMs: 10_000,
  backoff: { baseMs: 500, maxMs: 30_000 },
  seriesMs: 1_000,
};
/** Requests at a time. */
const WORKERS = 8;

/**
 * The outcome of an event. `sent`: the API server took it. `limited`: too many of one object. `overflow`: too many are pending.
 * `refused`: the API server refused it.
 */
export type EventOutcome = 'sent' | 'limited' | 'overflow' | 'refused';

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly reporter: Reporter;
  readonly limits?: Partial<EventLimits>;
  /** Whether other work waits; it goes before events. Left out: never. Must not throw. */
  readonly isBusy?: () => boolean;
  /** Must not throw. */
  readonly onOutcome?: (outcome: EventOutcome) => void;
}

interface Entry extends PendingEvent {
  /** Whether its change was stored: the next time is a repeat. */
  committed: boolean;
  /** Run when it is sent, lost or held back. */
  waiters: (() => void)[];
}

/**
 * Records what happens to objects as Events (events.k8s.io/v1), each once. The caller records the events of a change,
 * stores the change, and commits. The name of an event is made only from the object's uid and the event's key:
 *
 * - A crash before the change is stored loses nothing: the next process derives the same events from the same facts, under
 *   the same names. After the change is stored, nothing is left to record. The same holds for a leader that was replaced
 *   while it was paused.
 * - If a change is recorded and its write then fails with a conflict, it is recorded again and stays one event.
 * - If it happens again after the commit, it becomes the event's series. Each process counts for itself: a crash may lose a
 *   repeat, and a successor takes its first time for that of the stored event.
 * - Lost events: above the rate of their object; refused by the API server (no permission, a namespace that is being
 *   deleted); the oldest of too many in an outage; still pending at the end of the process. All but the last are counted.
 *   `record` does not wait for events that are held back (outage, overall rate); a crash before they are sent loses them.
 *
 * Nothing here throws. The caller of `record` needs a deadline of its own.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #limits: EventLimits;
  readonly #writer: EventWriter;
  readonly #queue: WorkQueue;
  readonly #overall: RateLimit;
  readonly #whileBusy: RateLimit;
  readonly #perObject: RateLimits;
  /** By name; the most recently used is last. */
  readonly #entries = new Map<string, Entry>();
  /** Run when nothing is pending; one for each drain. */
  readonly #drains = new Set<() => void>();
  #ended = false;
  #refusalLogged = false;

  constructor(options: EventRecorderOptions) {
    const { client, reporter, clock, random, limits } = options;
    this.#options = options;
    this.#limits = { ...EVENT_LIMITS, ...limits };
    const { overall, whileBusy, perObject, entries, backoff } = this.#limits;
    this.#writer = new EventWriter(client, reporter);
    this.#queue = new WorkQueue({ clock, random, backoff });
    this.#overall = new RateLimit(overall, clock);
    this.#whileBusy = new RateLimit(whileBusy, clock);
    this.#perObject = new RateLimits(perObject, entries, clock);
  }

  /** Events that are not completely sent. */
  get pending(): number {
    return [...this.#entries.values()].filter(isPending).length;
  }

  /** Sends events until the signal aborts, then drops the rest at once; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const unlisten = onAbort(signal, () => {
      this.#ended = true;
      this.#queue.shutDown();
      for (const entry of this.#entries.values()) release(entry);
      this.#entries.clear();
      this.#endDrains();
    });
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work(signal)));
    unlisten();
  }

  /** Sends the events of a change before it is stored; resolves when all are sent, lost or held back. */
  async record(regarding: Regarding, events: readonly EventDetails[]): Promise<void> {
    if (this.#ended) return;
    await Promise.all(events.map((details) => this.#record(regarding, details)));
  }

  /** To be called after the change of these events was stored. */
  commit(regarding: Regarding, events: readonly EventDetails[]): void {
    for (const details of events) {
      const name = eventName(regarding, details);
      const entry = this.#entries.get(name);
      if (entry === undefined) continue;
      if (entry.committed) {
        entry.count += 1;
        entry.lastAt = this.#options.clock.now();
        this.#queue.addAfter(name, this.#limits.seriesMs, 'low');
      }
      entry.committed = true;
    }
  }

  /** Sends what is pending, for `ms` milliseconds at most. */
  async drain(ms: number): Promise<void> {
    if (this.pending === 0) return;
    for (const [name, entry] of this.#entries) if (isPending(entry)) this.#queue.add(name, 'low');
    const drained = new AbortController();
    const end = (): void => drained.abort();
    this.#drains.add(end);
    await sleep(this.#options.clock, ms, drained.signal);
    this.#drains.delete(end);
    const { pending } = this;
    if (pending > 0) this.#options.logger.warn('events left pending', { events: pending });
  }

  #endDrains(): void {
    for (const end of this.#drains) end();
  }

  #record(regarding: Regarding, details: EventDetails): Promise<void> {
    const name = eventName(regarding, details);
    const known = this.#entries.get(name);
    if (known === undefined && !this.#perObject.take(regarding.uid)) {
      this.#options.onOutcome?.('limited');
      return Promise.resolve();
    }
    const now = this.#options.clock.now();
    const fresh = { regarding, details, firstAt: now, lastAt: now, count: 1, sent: 0 };
    const entry = known ?? { ...fresh, committed: false, waiters: [] };
    this.#keep(name, entry);
    if (known === undefined) this.#queue.add(name, 'high');
    const available = Math.min(...this.#limitsNow().map((limit) => limit.available));
    const isHeldBack = this.#queue.failures(name) > 0 || available < 1 || this.#queue.depth > available;
    if (entry.sent > 0 || isHeldBack) return Promise.resolve();
    return new Promise((resolve) => entry.waiters.push(resolve));
  }

  /** Makes it the most recently used entry, and makes room for it. */
  #keep(name: string, entry: Entry): void {
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    const [oldest] = this.#entries;
    if (this.#entries.size <= this.#limits.entries || oldest === undefined) return;
    if (isPending(oldest[1])) this.#lose(...oldest, 'overflow');
    else this.#entries.delete(oldest[0]);
  }

  #lose(name: string, entry: Entry, outcome: EventOutcome): void {
    this.#entries.delete(name);
    this.#queue.cancel(name);
    this.#queue.forget(name);
    this.#options.onOutcome?.(outcome);
    release(entry);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let item = await this.#queue.get(signal); item !== undefined; item = await this.#queue.get(signal)) {
      const entry = this.#entries.get(item.key);
      if (entry !== undefined && isPending(entry)) await this.#send(item.key, entry, signal);
      else this.#queue.forget(item.key);
      this.#queue.done(item.key);
      if (this.#drains.size > 0 && this.pending === 0) this.#endDrains();
    }
  }

  /** Milliseconds until the next attempt; 0: one event may be sent now, and counts. */
  #takeToken(): number {
    const limits = this.#limitsNow();
    const waitMs = Math.max(...limits.map((limit) => limit.waitMs));
    if (waitMs === 0) for (const limit of limits) limit.take();
    return waitMs;
  }

  #limitsNow(): readonly RateLimit[] {
    return this.#options.isBusy?.() === true ? [this.#overall, this.#whileBusy] : [this.#overall];
  }

  async #send(name: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, onOutcome } = this.#options;
    const { requestMs, seriesMs } = this.#limits;
    for (let ms = this.#takeToken(); ms > 0; ms = this.#takeToken()) {
      release(entry);
      await sleep(clock, ms, signal);
      if (signal.aborted) return;
    }
    const late = (): Error =>
      localError('DeadlineExceeded', `the event was not stored within ${requestMs} ms`);
    try {
      await withDeadline(clock, requestMs, signal, (given) => this.#writer.write(name, entry, given), late);
      this.#queue.forget(name);
      onOutcome?.('sent');
      if (isPending(entry)) this.#queue.addAfter(name, seriesMs, 'low');
    } catch (error) {
      if (isRefusal(error, this.#queue.failures(name))) this.#refused(name, entry, error);
      else this.#queue.addRateLimited(name, 'low');
    } finally {
      release(entry);
    }
  }

  #refused(name: string, entry: Entry, error: unknown): void {
    const { logger } = this.#options;
    this.#lose(name, entry, 'refused');
    // If one is refused, most are: only the first is logged at warn.
    const log = this.#refusalLogged ? 'debug' : 'warn';
    logger[log]('event refused', { namespace: entry.regarding.namespace, error: String(error) });
    this.#refusalLogged = true;
  }
}

function isPending({ count, sent }: PendingEvent): boolean {
  return sent < count;
}

function release(entry: Entry): void {
  for (const waiter of entry.waiters.splice(0)) waiter();
}
