import type { Clock } from '../clock.js';
import { errorText } from '../errorText.js';
import type { Logger } from '../ops/log.js';
import { isEarlierVersion } from '../resourceVersion.js';
import { backoffMs } from './backoff.js';
import type { Backoff } from './backoff.js';
import { PAGE_SIZE, type KubeClient } from './client.js';
import { isGone, isLocal, isTooManyRequests, KubeError, localError } from './errors.js';
import { objectKey, type KubeObject, type ResourceType } from './object.js';
import type { Store, StoreChange, StoreHandler } from './store.js';
import type { WatchEvent } from './watch.js';
import { nothing, sleep, withDeadline } from '../signals.js';

/** Why a watch ended: the server ended it, it became silent, its resourceVersion was too old, or it failed. */
export type WatchEnd = 'ended' | 'stalled' | 'expired' | 'failed';

export interface ReflectorTimings {
  /** A watch is given up if no byte arrives for this time. Bookmarks arrive about every minute. */
  readonly stallMs: number;
  /** The requested duration of a watch, up to twice this, so that not all watches end at once. */
  readonly watchSeconds: number;
  /** A watch that the server ends within this time without an event counts as a failure. */
  readonly shortWatchMs: number;
  readonly backoff: Backoff;
}

export const REFLECTOR_TIMINGS: ReflectorTimings = {
  stallMs: 90_000,
  watchSeconds: 300,
  shortWatchMs: 1000,
  backoff: { baseMs: 800, maxMs: 30_000 },
};

/**
 * After this number of failures in a row the resourceVersion may be the cause, and everything is listed again: the
 * server may refuse it, or it was away for seconds and etcd was restored from a backup.
 */
const FAILURES_BEFORE_RELIST = 3;
/** A longer `Retry-After` is cut to this, in milliseconds. */
const LONGEST_RETRY_AFTER_MS = 300_000;

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly type: ResourceType;
  /** All namespaces if left out. */
  readonly namespace?: string;
  /** Only objects that match it, for example `metadata.name=a`; all if left out. */
  readonly fieldSelector?: string;
  /** Returns the part of an object that is kept; must keep its name, namespace, uid and resourceVersion. */
  readonly trim: (object: KubeObject) => T;
  readonly store: Store<T>;
  readonly handler: StoreHandler<T>;
  readonly clock: Clock;
  /** Returns 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly timings?: Partial<ReflectorTimings>;
  /**
   * A watch has ended, or a list has failed; it is tried again. Must not throw.
   *
   * @param error a `KubeError`, except for a bug in this process; undefined when the server ended the watch
   */
  readonly onWatchEnd?: (end: WatchEnd, error?: unknown) => void;
}

/**
 * Keeps a store in sync with the API: lists, then watches from the list's resourceVersion, and continues from the last
 * version that the store took. It ends only with its signal.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #timings: ReflectorTimings;
  /** Where the next watch starts; undefined: list first. */
  #resourceVersion: string | undefined;
  #synced = false;
  #problem: string | undefined = 'not listed yet';
  #resolveSynced = nothing;
  #resolveTried = nothing;
  /** Resolves when the store has a complete list. */
  readonly whenSynced = new Promise<void>((resolve) => {
    this.#resolveSynced = resolve;
  });
  /** Resolves when it has listed for the first time, or failed to. */
  readonly whenTried = new Promise<void>((resolve) => {
    this.#resolveTried = resolve;
  });
  #lastActivity: number;
  #failures = 0;
  /** Failures since the last event that may be due to the resourceVersion. */
  #versionFailures = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timings = { ...REFLECTOR_TIMINGS, ...options.timings };
    this.#lastActivity = options.clock.monotonic();
  }

  /** Whether the store has had a complete list. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Why nothing is watched at the moment, for people; undefined: the watch works. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** When the API server last sent anything, or last failed, on the clock's monotonic time. */
  get lastActivity(): number {
    return this.#lastActivity;
  }

  /** Runs until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const known = this.#resourceVersion;
        if (known !== undefined) await this.#checkVersion(known, signal);
        await this.#watch(known ?? (await this.#list(signal)), signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error, signal);
      }
    }
  }

  /** Stores an object from a read by name (undefined: it is gone), as if the watch had delivered it. */
  take(key: string, object: KubeObject | undefined): void {
    const { store } = this.#options;
    const known = store.get(key);
    const trimmed = object === undefined ? undefined : this.#trim(object);
    if (trimmed !== undefined) this.#notify(store.put(trimmed));
    else if (known !== undefined) this.#notify(store.remove(known));
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, type, namespace, fieldSelector, store, logger } = this.#options;
    const scope = { namespace, fieldSelector };
    const objects: T[] = [];
    let page = await client.list(type, scope, signal);
    for (;;) {
      this.#touch();
      for (const object of page.items) {
        const trimmed = this.#trim(object);
        if (trimmed !== undefined) objects.push(trimmed);
      }
      if (page.continueToken === undefined) break;
      const limit = Math.min(PAGE_SIZE, 2 * page.limit);
      page = await client.list(type, { ...scope, continueToken: page.continueToken, limit }, signal);
    }
    this.#notify(store.replace(objects, namespace));
    this.#resourceVersion = page.resourceVersion;
    if (!this.#synced) logger.info('cache synced', { ...this.#where(), objects: objects.length });
    this.#synced = true;
    this.#resolveSynced();
    this.#resolveTried();
    return page.resourceVersion;
  }

  /**
   * After a restore of etcd from a backup versions go back. The server accepts a watch from a version that it does not have
   * yet, but delivers nothing until it has that version. So the current version is read before a watch is opened again.
   *
   * @throws KubeError `Expired` when it has only earlier ones
   */
  async #checkVersion(known: string, signal: AbortSignal): Promise<void> {
    const { client, type, namespace, fieldSelector } = this.#options;
    const { resourceVersion } = await client.list(type, { namespace, fieldSelector, limit: 1 }, signal);
    this.#touch();
    if (!isEarlierVersion(resourceVersion, known)) return;
    throw localError(
      'Expired',
      `resourceVersions went back from ${known} to ${resourceVersion}, as after a restore of etcd`,
    );
  }

  async #watch(resourceVersion: string, parent: AbortSignal): Promise<void> {
    const { client, type, namespace, fieldSelector, clock, random, onWatchEnd } = this.#options;
    const { stallMs, watchSeconds, shortWatchMs } = this.#timings;
    const openedAt = clock.monotonic();
    let events = 0;
    const stalled = (): Error => localError('Stalled', `nothing arrived on the watch for ${stallMs} ms`);
    await withDeadline(
      clock,
      stallMs,
      parent,
      async (signal, extend) => {
        const onBytes = (): void => {
          this.#touch();
          extend();
        };
        const timeoutSeconds = Math.round(watchSeconds * (1 + random()));
        const options = { namespace, fieldSelector, resourceVersion, timeoutSeconds, onBytes };
        const stream = await client.watch(type, options, signal);
        onBytes();
        this.#works();
        for await (const event of stream) {
          this.#take(event);
          events += 1;
          this.#failures = 0;
          this.#versionFailures = 0;
        }
      },
      stalled,
    );
    if (events === 0 && clock.monotonic() - openedAt < shortWatchMs) {
      throw localError('ConnectionFailed', 'the server ended the watch at once, without an event');
    }
    this.#failures = 0;
    onWatchEnd?.('ended');
  }

  #works(): void {
    if (this.#problem !== undefined && this.#failures > 0) {
      this.#options.logger.info('list and watch work again', this.#where());
    }
    this.#problem = undefined;
  }

  /** @throws KubeError that an ERROR event carries */
  #take(event: WatchEvent): void {
    const { store } = this.#options;
    switch (event.kind) {
      case 'present': {
        const object = this.#trim(event.object);
        this.#notify(object === undefined ? store.remove(event.object) : store.put(object));
        this.#resourceVersion = event.object.metadata.resourceVersion;
        return;
      }
      case 'deleted':
        this.#notify(store.remove(event.object));
        this.#resourceVersion = event.object.metadata.resourceVersion;
        return;
      case 'bookmark':
        this.#resourceVersion = event.resourceVersion;
        return;
      case 'error':
        throw event.error;
    }
  }

  /** Decides whether to list or to watch next, and waits. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, random, logger, onWatchEnd } = this.#options;
    this.#touch();
    const expired = isGone(error);
    const stalled = isLocal(error, 'Stalled');
    // Silence on an open watch is not a refusal: there may be no changes, and the server may not send bookmarks.
    this.#failures = stalled ? 0 : this.#failures + 1;
    if (!stalled && !isTooManyRequests(error)) this.#versionFailures += 1;
    if (expired || this.#versionFailures >= FAILURES_BEFORE_RELIST) {
      this.#resourceVersion = undefined;
      this.#versionFailures = 0;
    }
    const kind = expired ? 'expired' : stalled ? 'stalled' : 'failed';
    // After silence no further wait is needed; an expiry is normal, unless it repeats.
    const atOnce = stalled || (expired && this.#failures === 1);
    const floor = error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS) : 0;
    const wait = atOnce ? 0 : Math.max(floor, backoffMs(this.#failures, this.#timings.backoff, random));
    onWatchEnd?.(kind, error);
    const text = errorText(error);
    const fields = {
      ...this.#where(),
      error: text,
      failures: this.#failures,
      retryInMs: Math.round(wait),
    };
    if (expired) logger.info('list or watch expired, listing again', fields);
    else if (stalled) logger.info('watch fell silent, opening it again', fields);
    else {
      // A namespace that is gone may be retried for months.
      const level = this.#problem === text ? 'debug' : 'warn';
      logger[level]('list or watch interrupted, trying again', fields);
      this.#problem = text;
    }
    this.#resolveTried();
    if (wait > 0) await sleep(clock, wait, signal);
  }

  /** If `trim` fails on an object, it counts as absent: one such object must not stop all others. */
  #trim(object: KubeObject): T | undefined {
    const { trim, logger } = this.#options;
    try {
      return trim(object);
    } catch (error) {
      const fields = { ...this.#where(), key: objectKey(object.metadata), error: errorText(error) };
      logger.error('an object could not be trimmed and is left out', fields);
      return undefined;
    }
  }

  #notify(changes: readonly StoreChange<T>[]): void {
    const { handler, logger } = this.#options;
    for (const change of changes) {
      try {
        if (change.kind === 'added') handler.added(change.object, !this.#synced);
        else if (change.kind === 'modified') handler.modified(change.object, change.before);
        else handler.deleted(change.object);
      } catch (error) {
        logger.error('a handler of cluster changes failed', {
          ...this.#where(),
          key: objectKey(change.object.metadata),
          change: change.kind,
          error: errorText(error),
        });
      }
    }
  }

  #touch(): void {
    this.#lastActivity = this.#options.clock.monotonic();
  }

  /** `*`: all. */
  get namespace(): string {
    return this.#options.namespace ?? '*';
  }

  #where(): { readonly resource: string; readonly namespace: string } {
    return { resource: this.#options.type.plural, namespace: this.namespace };
  }
}
