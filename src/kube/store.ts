import { objectKey } from './object.js';
import type { KubeObject } from './object.js';

/** Called after each change of a store. An exception is logged and has no other effect. */
export interface StoreHandler<T extends KubeObject> {
  /** @param initial whether the object was there when the operator started */
  added(object: T, initial: boolean): void;
  modified(object: T, before: T): void;
  /** @param object as it was last seen */
  deleted(object: T): void;
}

/** One change of the store, in the order in which the handler is called. */
export type StoreChange<T extends KubeObject> =
  | { readonly kind: 'added'; readonly object: T }
  | { readonly kind: 'modified'; readonly object: T; readonly before: T }
  | { readonly kind: 'deleted'; readonly object: T };

/**
 * The objects as last seen, by `namespace/name`. An object with a known name and another uid is another object: the old
 * one is deleted, the new one added. A known version (the same uid and resourceVersion) is not a change.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Stores an object that exists. */
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

  /** Removes an object that is gone; a late event of an earlier object of the same name has no effect. */
  remove(gone: KubeObject): StoreChange<T>[] {
    const key = objectKey(gone.metadata);
    const before = this.#objects.get(key);
    if (before === undefined || before.metadata.uid !== gone.metadata.uid) return [];
    this.#objects.delete(key);
    return [{ kind: 'deleted', object: before }];
  }

  /** Stores a complete list of one namespace, or of all: an object in scope that is not in the list is gone. */
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
