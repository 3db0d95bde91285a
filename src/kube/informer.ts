import { Reflector } from './reflector.js';
import type { ReflectorOptions } from './reflector.js';
import type { KubeObject } from './object.js';
import { Store } from './store.js';

export type InformerOptions<T extends KubeObject> = Omit<ReflectorOptions<T>, 'store' | 'namespace'> & {
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
};

/** A store of one type's objects and the reflectors that keep it true: one for all namespaces, or one for each. */
export class Informer<T extends KubeObject> {
  readonly #store = new Store<T>();
  readonly #reflectors: readonly Reflector<T>[];

  constructor({ namespaces, ...options }: InformerOptions<T>) {
    const scopes =
      namespaces.length === 0 ? [{}] : [...new Set(namespaces)].map((namespace) => ({ namespace }));
    this.#reflectors = scopes.map((scope) => new Reflector({ ...options, ...scope, store: this.#store }));
  }

  /** The object as last seen, by `namespace/name`. */
  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  /** Whether every namespace was listed once. */
  get synced(): boolean {
    return this.#reflectors.every(({ synced }) => synced);
  }

  /** When the quietest of the watches last heard from the API server, on the clock's monotonic time. */
  get lastActivity(): number {
    return Math.min(...this.#reflectors.map(({ lastActivity }) => lastActivity));
  }

  /** Runs until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }
}
