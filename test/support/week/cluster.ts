import type { CloudJobStatus } from '../../../src/api/cloudjob.js';
import type { Clock } from '../../../src/clock.js';
import type { Controller } from '../../../src/kube/controller.js';
import { KubeError } from '../../../src/kube/errors.js';
import { isRecord } from '../../../src/json.js';
import { objectKey, type KubeObject, type ObjectRef, type ResourceType } from '../../../src/kube/object.js';
import { Store, type StoreChange } from '../../../src/kube/store.js';
import { cacheEntry, type CacheEntry } from '../../../src/cluster/cloudJobStore.js';
import { BY_KUBECTL } from '../cloudJobs.js';
import { timeless } from './meaning.js';

const NAMESPACE = 'week';
const TROUBLE = 0.002;

export interface Write {
  readonly at: number;
  readonly status: CloudJobStatus;
}

/** An API server in memory with one watcher, whose cache is always a little behind. */
export class WeekCluster {
  /** By name. */
  readonly writes = new Map<string, Write[]>();
  /** Names of objects of which a write failed. */
  readonly troubled = new Set<string>();
  readonly broken: string[] = [];
  handler: Controller | undefined;
  readonly #objects = new Map<string, KubeObject>();
  readonly #cache = new Store<CacheEntry>();
  #version = 0;
  #toldUntil = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly secretOf: (name: string) => Readonly<Record<string, string>>,
    /** Of the writes, this share fails before, and as many after, they are done. */
    private readonly trouble = TROUBLE,
    private readonly namespaceOf: (name: string) => string = () => NAMESPACE,
  ) {}

  object(name: string): KubeObject | undefined {
    return this.#objects.get(this.#keyOf(name));
  }

  get size(): number {
    return this.#objects.size;
  }

  names(): string[] {
    return [...this.#objects.values()].map(({ metadata }) => metadata.name);
  }

  create(name: string, spec: Readonly<Record<string, unknown>>): void {
    const creationTimestamp = new Date(this.clock.now()).toISOString().replace(/\.\d+/, '');
    this.#put({
      apiVersion: 'cloudjob.dev/v1alpha1',
      kind: 'CloudJob',
      metadata: {
        name,
        namespace: this.namespaceOf(name),
        uid: `uid-${name}`,
        generation: 1,
        creationTimestamp,
        resourceVersion: '',
        managedFields: BY_KUBECTL,
      },
      spec,
      status: { observedGeneration: -1 },
    });
  }

  /** Another spec is another generation. Nothing happens to an object that is gone. */
  edit(name: string, spec: Readonly<Record<string, unknown>>): void {
    const object = this.object(name);
    if (object === undefined) return;
    const generation = Number(object.metadata['generation']) + 1;
    const before = isRecord(object['spec']) ? object['spec'] : {};
    this.#put({ ...object, metadata: { ...object.metadata, generation }, spec: { ...before, ...spec } });
  }

  annotate(name: string, annotations: Readonly<Record<string, string>>): void {
    const object = this.object(name);
    if (object !== undefined) this.#put({ ...object, metadata: { ...object.metadata, annotations } });
  }

  remove(name: string): void {
    const object = this.object(name);
    if (object === undefined) return;
    this.#objects.delete(this.#keyOf(name));
    this.#send(() => this.#cache.remove(object));
  }

  /** What the operator's cache has. */
  readonly cache = {
    get: (key: string) => this.#cache.get(key),
    refresh: async (ref: ObjectRef, seen: string): Promise<void> => {
      await this.#pass(5);
      const key = objectKey(ref);
      const cached = this.#cache.get(key);
      if (cached?.metadata.resourceVersion !== seen) return;
      const object = this.#objects.get(key);
      this.#handle(object === undefined ? this.#cache.remove(cached) : this.#cache.put(cacheEntry(object)));
    },
  };

  /** What the operator's client does. */
  readonly client = {
    get: async (_type: ResourceType, { name }: ObjectRef): Promise<KubeObject> => {
      await this.#pass(5);
      const data = Object.entries(this.secretOf(name)).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]);
      return { metadata: { name, uid: name, resourceVersion: '1' }, data: Object.fromEntries(data) };
    },
    updateStatus: async (
      _type: ResourceType,
      { name }: ObjectRef,
      { metadata, status }: Readonly<Record<string, unknown>>,
    ): Promise<KubeObject> => {
      await this.#pass(2 + this.random() * 20);
      const luck = this.random();
      if (luck < this.trouble) this.#fail(name);
      const object = this.object(name);
      if (object === undefined) throw new KubeError(404, 'NotFound', 'gone');
      const { resourceVersion } = isRecord(metadata) ? metadata : {};
      if (resourceVersion !== object.metadata.resourceVersion) throw new KubeError(409, 'Conflict', 'stale');
      const stored = this.#writeStatus(object, status as CloudJobStatus);
      if (luck > 1 - this.trouble) this.#fail(name);
      return stored;
    },
    applyStatus: (): Promise<KubeObject> => Promise.reject(new Error('nobody else writes a phase here')),
    delete: async (_type: ResourceType, { name }: ObjectRef): Promise<void> => {
      await this.#pass(5);
      this.remove(name);
    },
  };

  #fail(name: string): never {
    this.troubled.add(name);
    throw new KubeError(500, 'InternalError', 'etcd is slow');
  }

  #writeStatus(object: KubeObject, status: CloudJobStatus): KubeObject {
    const { name } = object.metadata;
    if (timeless(object['status'] as CloudJobStatus) === timeless(status)) {
      this.broken.push(`${name}: a write that changes nothing`);
    }
    const writes = this.writes.get(name) ?? [];
    this.writes.set(name, writes);
    writes.push({ at: this.clock.monotonic(), status });
    return this.#put({ ...object, status });
  }

  #put(object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#objects.set(objectKey(stored.metadata), stored);
    this.#send(() => {
      const cached = this.#cache.get(objectKey(stored.metadata))?.metadata.resourceVersion ?? '0';
      return Number(cached) < Number(stored.metadata.resourceVersion)
        ? this.#cache.put(cacheEntry(stored))
        : [];
    });
    return stored;
  }

  /** The watch brings what happened a little later, and in order. */
  #send(apply: () => readonly StoreChange<KubeObject>[]): void {
    const now = this.clock.monotonic();
    this.#toldUntil = Math.max(this.#toldUntil, now + 5 + this.random() ** 4 * 500);
    this.clock.schedule(this.#toldUntil - now, () => this.#handle(apply()));
  }

  #handle(changes: readonly StoreChange<KubeObject>[]): void {
    for (const change of changes) {
      if (change.kind === 'added') this.handler?.added(change.object, false);
      else if (change.kind === 'modified') this.handler?.modified(change.object);
      else this.handler?.deleted(change.object);
    }
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.schedule(ms, resolve);
    });
  }

  #keyOf(name: string): string {
    return objectKey({ namespace: this.namespaceOf(name), name });
  }
}
