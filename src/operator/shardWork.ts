import type { CloudJobStatus } from '../api/cloudjob.js';
import type { KubeClient } from '../kube/client.js';
import { Controller } from '../kube/controller.js';
import type { Informer } from '../kube/informer.js';
import { WorkQueue } from '../kube/queue.js';
import type { Logger } from '../ops/log.js';
import type { Metrics } from '../ops/metrics.js';
import { inSpan } from '../ops/tracing.js';
import { ClusterCloudJobs, type CacheEntry } from '../cluster/cloudJobStore.js';
import { Reconciler, type ReconcilerParts } from '../reconcile/reconciler.js';
import { endBetween } from './jobMetrics.js';
import type { ShardWork } from './shardWorks.js';

/** Reconciles at a time, in each shard. They mostly wait for the network, so there may be many. */
export const WORKERS = 64;
/** How long running reconciles may take to finish at shutdown; one that waits for a slow cloud loses nothing. */
const DRAIN_MS = 3_000;

export interface ShardWorkParts extends Omit<ReconcilerParts, 'store' | 'onTooLarge'> {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The work on one shard: watch -> queue -> reconciler. @param cache the CloudJobs of that shard */
export function createShardWork(
  parts: ShardWorkParts,
  cache: Pick<Informer<CacheEntry>, 'get' | 'refresh'>,
): ShardWork {
  const { clock, random, logger, metrics } = parts;
  const onWrite = (before: CloudJobStatus, after: CloudJobStatus): void => {
    metrics.statusWritten();
    const end = endBetween(before, after);
    if (end !== undefined) metrics.finished(end.outcome, end.seconds);
  };
  const queue = new WorkQueue({ clock, random });
  const onTooLarge = (key: string, isShorterLeft: boolean): void =>
    logger.warn('status too large for its object', {
      key,
      next: isShorterLeft
        ? 'a shorter one'
        : 'nothing until the object changes: remove labels or annotations',
    });
  const store = new ClusterCloudJobs(cache, parts.client, onWrite);
  const reconciler = new Reconciler({ ...parts, store, onTooLarge });
  const controller = new Controller({
    queue,
    reconcile: (key, pass) => inSpan('reconcile', { key }, () => reconciler.reconcile(key, pass)),
    workers: WORKERS,
    clock,
    logger,
    timings: { stopMs: DRAIN_MS },
    observer: {
      reconciled: ({ waitedMs }, outcome, ms) => metrics.reconciled(outcome, ms / 1000, waitedMs / 1000),
    },
  });
  return { queue, controller, reconciler };
}
