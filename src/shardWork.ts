import type { Controller } from './kube/controller.js';
import type { WorkQueue } from './kube/queue.js';
import { shardOf } from './kube/shardPlan.js';
import type { StoreHandler } from './kube/store.js';
import type { CachedCloudJob } from './reconcile/cached.js';
import type { Reconciler } from './reconcile/reconciler.js';
import type { Priority } from './priority.js';

/** What works on one shard, and only for as long as this replica holds it. */
export interface ShardWork {
  readonly queue: WorkQueue;
  readonly controller: Controller;
  readonly reconciler: Reconciler;
}

/** The CloudJobs as this replica sees them: those of all shards. */
interface CloudJobs {
  get(key: string): CachedCloudJob | undefined;
  values(): Iterable<CachedCloudJob>;
}

/**
 * The work of the shards that this replica holds. All CloudJobs of one job are in one shard, so that one call serves
 * them all. Changes of CloudJobs in shards of others are none of this replica's business.
 */
export class ShardWorks implements StoreHandler<CachedCloudJob> {
  readonly #works = new Map<number, ShardWork>();

  /** @param count of shards; the same in every replica */
  constructor(
    private readonly count: number,
    private readonly cloudJobs: CloudJobs,
    private readonly begin: (cloudJobs: Pick<CloudJobs, 'get'>) => ShardWork,
  ) {}

  get values(): Iterable<ShardWork> {
    return this.#works.values();
  }

  /** Works on the shard until `stop` or `lost` aborts, as `Controller.run` does; never throws. */
  async run(shard: number, stop: AbortSignal, lost: AbortSignal): Promise<void> {
    const get = (key: string): CachedCloudJob | undefined => {
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

  /** The cloud has something to tell of the CloudJob, or it is its turn to ask. */
  wake(key: string, priority: Priority): void {
    const object = this.cloudJobs.get(key);
    if (object !== undefined) this.#workOn(object)?.queue.add(key, priority);
  }

  added(object: CachedCloudJob, initial: boolean): void {
    this.#workOn(object)?.controller.added(object, initial);
  }

  modified(object: CachedCloudJob, before: CachedCloudJob): void {
    const work = this.#workOn(object);
    const workBefore = this.#workOn(before);
    // API servers without CEL let people change the job: then it may be another shard's.
    if (workBefore !== work) workBefore?.controller.deleted(before);
    work?.controller.modified(object);
  }

  deleted(object: CachedCloudJob): void {
    this.#workOn(object)?.controller.deleted(object);
  }

  #workOn(object: CachedCloudJob): ShardWork | undefined {
    return this.#works.get(this.#shardOf(object));
  }

  #shardOf({ metadata, jobID }: CachedCloudJob): number {
    return shardOf(jobID ?? metadata.name, this.count);
  }
}
