import type { Clock } from '../clock.js';
import type { Logger } from '../ops/log.js';
import type { Backoff } from './backoff.js';
import type { KubeClient } from './client.js';
import { localError } from './errors.js';
import { eventName, type EventDetails, type Regarding, type Reporter } from './eventObject.js';
import { EventWriter, isRefusal, type PendingEvent } from './eventWriter.js';
import { WorkQueue } from './queue.js';
import { RateLimits } from './rateLimits.js';
import { RateLimit, type Rate } from '../rateLimit.js';
import { onAbort, sleep, withDeadline } from '../signals.js';

export interface EventLimits {
  /** Over all objects. What is above waits: where thousands change at once, their statuses go before their events. */
  readonly overall: Rate;
  /** Over all objects as well, while there is other work that waits. */
  readonly whileBusy: Rate;
  /** Of one object. What is above is dropped. */
  readonly perObject: Rate;
  /** Events that are remembered, pending ones included; the oldest is dropped for one more. */
  readonly entries: number;
  /** One request, in milliseconds. */
  readonly requestMs: number;
  /** Of an event that the API server failed to take. */
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
 * What became of an event. `told`: it was sent. `limited`: too many of one object. `overflow`: too many are pending.
 * `refused`: the API server will not have it.
 */
export type EventOutcome = 'told' | 'limited' | 'overflow' | 'refused';

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly reporter: Reporter;
  readonly limits?: Partial<EventLimits>;
  /** Whether other work waits, which goes before events. Left out: never. Must not throw. */
  readonly isBusy?: () => boolean;
  /** Must not throw. */
  readonly onOutcome?: (outcome: EventOutcome) => void;
}

interface Entry extends PendingEvent {
  /** Whether the change that it is about was stored: the next time is a repeat. */
  committed: boolean;
  /** Run when it is sent, lost or held back. */
  waiters: (() => void)[];
}

/**
 * Records what happens to objects as Events (events.k8s.io/v1), each once. Who changes an object records what the change
 * means, stores the change, and commits. An event's name is made of the object's uid and the event's key alone:
 *
 * - A crash before the change is stored loses nothing: the next process derives the same events from the same facts, and
 *   the API server has their names already. After it, nothing is left to record. So it is with a leader that was replaced
 *   while it was paused.
 * - What was recorded and then lost its race is recorded again, and stays one event.
 * - What happens again after it was committed becomes the event's series. The count is this process's: a crash may cost a
 *   repeat, and a successor takes its own first time for that of the stored event.
 * - Lost is what exceeds its object's rate, what the API server refuses (no permission, a namespace that goes away), the
 *   oldest of what piles up in an outage, and what is still pending when the process ends; all but the last are counted.
 *   What is held back (outage, overall rate) is not waited for, and a crash meanwhile loses it.
 *
 * Nothing here throws. Whoever waits for `record` brings a deadline of its own.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #limits: EventLimits;
  readonly #writer: EventWriter;
  readonly #queue: WorkQueue;
  readonly #overall: RateLimit;
  readonly #whileBusy: RateLimit;
  readonly #perObject: RateLimits;
  /** By name, the most recently used last. */
  readonly #entries = new Map<string, Entry>();
  /** Run when nothing is pending any more; one for each drain. */
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

  /** Events of which something is still to be sent. */
  get pending(): number {
    return [...this.#entries.values()].filter(isPending).length;
  }

  /** Sends events until the signal aborts, and then gives up what is left at once; never throws. */
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

  /** Sends the events of a change that is about to be stored; resolves when all are sent, lost or held back. */
  async record(regarding: Regarding, events: readonly EventDetails[]): Promise<void> {
    if (this.#ended) return;
    await Promise.all(events.map((details) => this.#record(regarding, details)));
  }

  /** The change whose events were recorded is stored. */
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

  /** Makes it the most recently used, and room for it. */
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

  /** Milliseconds until it is worth to try again; 0: one event may be sent now, and counts. */
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
      localError('DeadlineExceeded', `the event was not taken within ${requestMs} ms`);
    try {
      await withDeadline(clock, requestMs, signal, (given) => this.#writer.write(name, entry, given), late);
      this.#queue.forget(name);
      onOutcome?.('told');
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
    // Where one is refused, most are: the others are only counted.
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
