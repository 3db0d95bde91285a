import { objectKey } from './object.js';
import type { KubeObject } from './object.js';

/** Called for each change of a store, after it. An exception is logged and changes nothing. */
export interface StoreHandler<T extends KubeObject> {
  /** @param initial whether the object was there when the operator started */
  added(object: T, initial: boolean): void;
  modified(object: T, before: T): void;
  /** @param object as it was last seen */
  deleted(object: T): void;
}

/** A step from one state of the store to the next, in the order in which the handler is called. */
export type StoreChange<T extends KubeObject> =
  | { readonly kind: 'added'; readonly object: T }
  | { readonly kind: 'modified'; readonly object: T; readonly before: T }
  | { readonly kind: 'deleted'; readonly object: T };

/**
 * The objects as last seen, by `namespace/name`. An object that comes back under its old name with another uid is
 * another object: it is deleted and added. What was seen already (the same uid and resourceVersion) is no change.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Takes an object that exists. */
  put(object: T): StoreChange<T>[] {
    const key = objectKey(object.metadata);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    if (before === undefined) return [{ kind: 'added', object }];
    if (before.metadata.uid !== object.metadata.uid) {
      return [
        { kind: 'deleted', object: before },
        { kind: 'added', object },
      ];
    }
    if (before.metadata.resourceVersion === object.metadata.resourceVersion) return [];
    return [{ kind: 'modified', object, before }];
  }

  /** Forgets an object that is gone; a late event of an earlier object of the same name changes nothing. */
  remove(gone: KubeObject): StoreChange<T>[] {
    const key = objectKey(gone.metadata);
    const before = this.#objects.get(key);
    if (before === undefined || before.metadata.uid !== gone.metadata.uid) return [];
    this.#objects.delete(key);
    return [{ kind: 'deleted', object: before }];
  }

  /** Takes a complete list of one namespace, or of all: what is in scope and not in the list is gone. */
  replace(objects: readonly T[], namespace?: string): StoreChange<T>[] {
    const listed = new Set(objects.map(({ metadata }) => objectKey(metadata)));
    const changes: StoreChange<T>[] = [];
    for (const [key, before] of this.#objects) {
      if (namespace !== undefined && before.metadata.namespace !== namespace) continue;
      if (listed.has(key)) continue;
      this.#objects.delete(key);
      changes.push({ kind: 'deleted', object: before });
    }
    for (const object of objects) changes.push(...this.put(object));
    return changes;
  }
}
