import type { Clock } from '../../clock.js';
import type { CloudError } from '../errors.js';
import { untilAborted } from '../../signals.js';

/** Something that was issued for a time: a token, a temporary access key. */
export type Issued<T> =
  | { readonly ok: true; readonly value: T; readonly lifetimeMs: number }
  | { readonly ok: false; readonly error: CloudError };

export type Held<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** The cloud rejected it: true if a new one may be requested. */
      readonly rejected: () => boolean;
    }
  | { readonly ok: false; readonly error: CloudError };

interface Current<T> {
  readonly value: T;
  /** On the monotonic clock. */
  readonly issuedAt: number;
  readonly lifetimeMs: number;
}

interface Failure {
  readonly error: CloudError;
  /** In a row. */
  readonly count: number;
  /** On the monotonic clock: no request before that. */
  readonly until: number;
}

interface Entry<T> {
  /** On the monotonic clock. */
  usedAt: number;
  current?: Current<T> | undefined;
  underWay?: Promise<void> | undefined;
  failure?: Failure | undefined;
}

/**
 * The last part of the lifetime, in which it is renewed: 9 minutes of an hour, 3.6 hours of a day. ECS issues new keys
 * 10 minutes (of 1 h, Open Telekom Cloud) or 6 hours (of 24 h) before the end; an earlier request gets the old key.
 */
const RENEW_AT = 0.15;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 300_000;
/** If something this new is refused, a renewed one would be refused too. */
const YOUNG_MS = 60_000;
/**
 * An entry that was not used for this time is dropped: its CloudJobs are gone, or its Secret has another password. Longer
 * than the pauses after failures, so that a dropped entry is not tried too early.
 */
const UNUSED_MS = 3_600_000;
/**
 * More than an operator can poll, so that no entry in use is dropped: with one key too many, polled in turn, every use of
 * every key would cost a request. With tokens of 2 KB all entries take 100 MB.
 */
const MAX_ENTRIES = 50_000;

/**
 * Holds what was issued, by key, and renews it in time: with one request at a time for each key; before its end and in the
 * background, while the old one is valid; after a failure not before a growing pause; after a refusal not before
 * `refusedMs`.
 */
export class Renewals<T> {
  readonly #clock: Clock;
  readonly #refusedMs: number;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(clock: Clock, refusedMs: number) {
    this.#clock = clock;
    this.#refusedMs = refusedMs;
  }

  /** The number of keys that are held. */
  get size(): number {
    return this.#entries.size;
  }

  /** `issue` must have a deadline of its own: it is never cancelled. */
  async get(key: string, issue: () => Promise<Issued<T>>, signal: AbortSignal): Promise<Held<T>> {
    const entry = this.#entryOf(key);
    if (this.#isDue(entry)) entry.underWay ??= this.#renew(entry, issue);
    if (entry.underWay !== undefined && this.#usable(entry) === undefined) {
      await untilAborted(entry.underWay, signal);
    }
    const current = this.#usable(entry);
    if (current !== undefined) {
      return { ok: true, value: current.value, rejected: () => this.#reject(entry, current) };
    }
    if (entry.failure === undefined) {
      return { ok: false, error: { class: 'transient', message: 'the request was given up' } };
    }
    const { error, until } = entry.failure;
    const retryAfterMs = Math.max(0, Math.ceil(until - this.#clock.monotonic()));
    return { ok: false, error: { ...error, retryAfterMs } };
  }

  #usable({ current }: Entry<T>): Current<T> | undefined {
    return current !== undefined && this.#leftOf(current) > 0 ? current : undefined;
  }

  #isDue({ current, failure }: Entry<T>): boolean {
    if (failure !== undefined && failure.until > this.#clock.monotonic()) return false;
    return current === undefined || this.#leftOf(current) < current.lifetimeMs * RENEW_AT;
  }

  #leftOf({ issuedAt, lifetimeMs }: Current<T>): number {
    return issuedAt + lifetimeMs - this.#clock.monotonic();
  }

  async #renew(entry: Entry<T>, issue: () => Promise<Issued<T>>): Promise<void> {
    try {
      const issued = await issue();
      const now = this.#clock.monotonic();
      if (issued.ok) {
        entry.current = { value: issued.value, issuedAt: now, lifetimeMs: issued.lifetimeMs };
        entry.failure = undefined;
        return;
      }
      entry.failure = this.#failureAfter(issued.error, entry.failure, now);
    } finally {
      entry.underWay = undefined;
    }
  }

  #failureAfter(error: CloudError, before: Failure | undefined, now: number): Failure {
    if (error.local === true) {
      // No request was made: the result of the last one still holds.
      const known = before?.error.class === error.class ? before.error : error;
      return { error: known, count: before?.count ?? 0, until: now + (error.retryAfterMs ?? 0) };
    }
    // Nobody who issues anything has answered: there is no reason to wait longer each time.
    if (error.foreign === true) return { error, count: before?.count ?? 0, until: now + FIRST_RETRY_MS };
    const count = (before?.count ?? 0) + 1;
    return { error, count, until: now + this.#pauseAfter(error, count) };
  }

  #pauseAfter(error: CloudError, count: number): number {
    if (error.class === 'unauthorized') return Math.max(this.#refusedMs, error.retryAfterMs ?? 0);
    return Math.max(error.retryAfterMs ?? 0, Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (count - 1)));
  }

  #reject(entry: Entry<T>, used: Current<T>): boolean {
    if (entry.current !== used) return true;
    if (this.#clock.monotonic() - used.issuedAt < YOUNG_MS) return false;
    entry.current = undefined;
    return true;
  }

  #entryOf(key: string): Entry<T> {
    const now = this.#clock.monotonic();
    const known = this.#entries.get(key);
    if (known === undefined) this.#makeRoom(now);
    const entry = known ?? { usedAt: now };
    entry.usedAt = now;
    // The map is in order of use, the least recently used first.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #makeRoom(now: number): void {
    for (const [key, { usedAt }] of this.#entries) {
      if (now - usedAt < UNUSED_MS && this.#entries.size < MAX_ENTRIES) return;
      this.#entries.delete(key);
    }
  }
}
