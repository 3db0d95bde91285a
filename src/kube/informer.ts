import { Reflector } from './reflector.js';
import type { ReflectorOptions } from './reflector.js';
import type { KubeClient } from './client.js';
import { isNotFound } from './errors.js';
import { objectKey } from './object.js';
import type { KubeObject, ObjectRef } from './object.js';
import { Store } from './store.js';
import { untilAborted } from '../signals.js';

export type InformerOptions<T extends KubeObject> = Omit<ReflectorOptions<T>, 'store' | 'namespace'> & {
  readonly client: Pick<KubeClient, 'get'>;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
};

/** A store of one type's objects and the reflectors that keep it true: one for all namespaces, or one for each. */
export class Informer<T extends KubeObject> {
  readonly #store = new Store<T>();
  readonly #reflectors: readonly Reflector<T>[];
  readonly #options: InformerOptions<T>;
  #ready = false;
  readonly #whenReady: Promise<void>;

  constructor(informerOptions: InformerOptions<T>) {
    const { namespaces, ...options } = informerOptions;
    this.#options = informerOptions;
    const scopes =
      namespaces.length === 0 ? [{}] : [...new Set(namespaces)].map((namespace) => ({ namespace }));
    this.#reflectors = scopes.map((scope) => new Reflector({ ...options, ...scope, store: this.#store }));
    this.#whenReady = this.#becomeReady();
  }

  /** The object as last seen, by `namespace/name`. */
  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  /**
   * Reads an object by name after a write has shown that the cache is behind: a watch may be late, or may have lost
   * an event. If the watch delivers the object meanwhile, that version is kept.
   *
   * @param seen the resourceVersion that was written against
   * @throws KubeError when the API server fails
   */
  async refresh(ref: ObjectRef, seen: string, signal: AbortSignal): Promise<void> {
    const key = objectKey(ref);
    const isBehind = (): boolean => this.#store.get(key)?.metadata.resourceVersion === seen;
    if (!isBehind()) return;
    let object: KubeObject | undefined;
    try {
      object = await this.#options.client.get(this.#options.type, ref, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    if (isBehind()) this.#reflectors[0]?.take(key, object);
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  /** Whether every namespace was listed once. */
  get synced(): boolean {
    return this.#reflectors.every(({ synced }) => synced);
  }

  /** Whether at least one namespace was listed and all others were tried: work can begin on what is listed. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves once it is ready, or when the signal aborts. */
  async untilReady(signal: AbortSignal): Promise<void> {
    await untilAborted(this.#whenReady, signal);
  }

  async #becomeReady(): Promise<void> {
    await Promise.race(this.#reflectors.map(({ whenSynced }) => whenSynced));
    await Promise.all(this.#reflectors.map(({ whenTried }) => whenTried));
    this.#ready = true;
  }

  /** By namespace (`*`: all together): why it is not watched at the moment; undefined: it is watched. */
  problems(): ReadonlyMap<string, string | undefined> {
    return new Map(this.#reflectors.map(({ namespace, problem }) => [namespace, problem]));
  }

  /** The oldest `lastActivity` of all watches, on the clock's monotonic time. */
  get lastActivity(): number {
    return Math.min(...this.#reflectors.map(({ lastActivity }) => lastActivity));
  }

  /** Runs until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }
}
