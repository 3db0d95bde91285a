import type { KubeObject } from './json.js';

/** A change for watchers. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly bucket: string;
  /** The object after the change; for a deletion, its last state with the deletion's resourceVersion. */
  readonly object: KubeObject;
  /** The object before the change. */
  readonly previous?: KubeObject;
}

/**
 * All objects, one counter of revisions for all of them, and the last changes. A bucket holds the objects of one
 * resource (`group/plural`), for all its versions.
 */
export class Store {
  #revision = 1;
  /** Changes up to and including this revision are forgotten. */
  #compacted = 0;
  #history: StoreEvent[] = [];
  readonly #buckets = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();

  /** @param historyLimit the most changes that are remembered */
  constructor(readonly historyLimit: number) {}

  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision from which a watch or a paged list can continue. */
  get oldest(): number {
    return this.#compacted;
  }

  get(bucket: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#buckets.get(bucket)?.get(keyOf(namespace, name));
  }

  /** The objects of a bucket, of one namespace or all, in order of their keys. */
  list(bucket: string, namespace?: string): [key: string, object: KubeObject][] {
    return select(this.#buckets.get(bucket) ?? new Map(), namespace);
  }

  /** Whether a bucket has an object of that namespace. */
  has(bucket: string, namespace: string): boolean {
    for (const { metadata } of this.#buckets.get(bucket)?.values() ?? []) {
      if (metadata.namespace === namespace) return true;
    }
    return false;
  }

  /** The same at an earlier revision, not older than `oldest`: the changes since then are undone. */
  listAt(revision: number, bucket: string, namespace?: string): [key: string, object: KubeObject][] {
    const objects = new Map(this.#buckets.get(bucket));
    for (const event of this.#history.toReversed()) {
      if (event.revision <= revision) break;
      if (event.bucket !== bucket) continue;
      const key = keyOf(event.object.metadata.namespace, event.object.metadata.name);
      if (event.previous === undefined) objects.delete(key);
      else objects.set(key, event.previous);
    }
    return select(objects, namespace);
  }

  /** Creates or replaces an object; returns it with its new resourceVersion. */
  put(bucket: string, object: KubeObject): KubeObject {
    const { namespace, name } = object.metadata;
    const objects = this.#buckets.get(bucket) ?? new Map<string, KubeObject>();
    this.#buckets.set(bucket, objects);
    const previous = objects.get(keyOf(namespace, name));
    const stored = this.#stamp(object);
    objects.set(keyOf(namespace, name), stored);
    this.#publish({
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      revision: this.#revision,
      bucket,
      object: stored,
      ...(previous === undefined ? {} : { previous }),
    });
    return stored;
  }

  remove(bucket: string, object: KubeObject): void {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const previous = this.#buckets.get(bucket)?.get(key);
    if (previous === undefined) return;
    this.#buckets.get(bucket)!.delete(key);
    const last = this.#stamp(object);
    this.#publish({ type: 'DELETED', revision: this.#revision, bucket, object: last, previous });
  }

  /** The changes of a bucket after a revision that is not older than `oldest`. */
  since(revision: number, bucket: string): StoreEvent[] {
    return this.#history.filter((event) => event.revision > revision && event.bucket === bucket);
  }

  /** Calls the listener on each change from now on; the returned function stops that. It must not write. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Drops all changes but the last `keep`: requests for older ones get a 410. */
  compact(keep = 0): void {
    const forgotten = this.#history.slice(0, this.#history.length - keep);
    this.#compacted = keep === 0 ? this.#revision : (forgotten.at(-1)?.revision ?? this.#compacted);
    this.#history = this.#history.slice(forgotten.length);
  }

  #stamp(object: KubeObject): KubeObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #publish(event: StoreEvent): void {
    this.#history.push(event);
    // Trimmed in steps of a quarter, so that a push costs nothing most of the time.
    if (this.#history.length > this.historyLimit * 1.25) this.compact(this.historyLimit);
    for (const listener of this.#listeners) listener(event);
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function select(
  objects: ReadonlyMap<string, KubeObject>,
  namespace: string | undefined,
): [key: string, object: KubeObject][] {
  return [...objects]
    .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}
