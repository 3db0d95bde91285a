import type { Controller } from '../kube/controller.js';
import type { WorkQueue } from '../kube/queue.js';
import { shardOf } from '../kube/shardPlan.js';
import type { StoreHandler } from '../kube/store.js';
import type { CacheEntry } from '../cluster/cloudJobStore.js';
import type { Reconciler } from '../reconcile/reconciler.js';
import type { Priority } from '../priority.js';

/** The work on one shard while this replica holds it. */
export interface ShardWork {
  readonly queue: WorkQueue;
  readonly controller: Controller;
  readonly reconciler: Reconciler;
}

/** The CloudJobs of all shards, as this replica sees them. */
interface CloudJobs {
  get(key: string): CacheEntry | undefined;
  values(): Iterable<CacheEntry>;
}

/**
 * The work of the shards that this replica holds. All CloudJobs of one job are in one shard, so that one call serves
 * them all. This replica ignores changes of CloudJobs in other shards.
 */
export class ShardWorks implements StoreHandler<CacheEntry> {
  readonly #works = new Map<number, ShardWork>();

  /** @param count the number of shards; the same in every replica */
  constructor(
    private readonly count: number,
    private readonly cloudJobs: CloudJobs,
    private readonly begin: (cloudJobs: Pick<CloudJobs, 'get'>) => ShardWork,
  ) {}

  /** How many shards this replica holds. */
  get size(): number {
    return this.#works.size;
  }

  get values(): Iterable<ShardWork> {
    return this.#works.values();
  }

  /** Works on the shard until `stop` or `lost` aborts, as `Controller.run` does; never throws. */
  async run(shard: number, stop: AbortSignal, lost: AbortSignal): Promise<void> {
    const get = (key: string): CacheEntry | undefined => {
      const object = this.cloudJobs.get(key);
      return object !== undefined && this.#shardOf(object) === shard ? object : undefined;
    };
    const work = this.begin({ get });
    this.#works.set(shard, work);
    for (const object of this.cloudJobs.values()) {
      if (this.#shardOf(object) === shard) work.controller.added(object, true);
    }
    await work.controller.run(stop, lost);
    this.#works.delete(shard);
    work.reconciler.forgetAll();
  }

  /** The CloudJob may call the cloud now, or has a shared result to take. */
  wake(key: string, priority: Priority): void {
    const object = this.cloudJobs.get(key);
    if (object !== undefined) this.#workOn(object)?.queue.add(key, priority);
  }

  added(object: CacheEntry, initial: boolean): void {
    this.#workOn(object)?.controller.added(object, initial);
  }

  modified(object: CacheEntry, before: CacheEntry): void {
    const work = this.#workOn(object);
    const workBefore = this.#workOn(before);
    // API servers without CEL let people change the job: the CloudJob may then move to another shard.
    if (workBefore !== work) workBefore?.controller.deleted(before);
    work?.controller.modified(object);
  }

  deleted(object: CacheEntry): void {
    this.#workOn(object)?.controller.deleted(object);
  }

  #workOn(object: CacheEntry): ShardWork | undefined {
    return this.#works.get(this.#shardOf(object));
  }

  #shardOf({ metadata, jobID }: CacheEntry): number {
    return shardOf(jobID ?? metadata.name, this.count);
  }
}
