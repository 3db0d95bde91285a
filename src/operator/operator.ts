import { CLOUD_JOBS } from '../api/cloudjob.js';
import { systemClock } from '../clock.js';
import { loadClusterAccess } from '../kube/access/kubeconfig.js';
import { Informer } from '../kube/informer.js';
import { sumOfStats, type QueueStats } from '../kube/queue.js';
import { serveOps } from '../ops/http.js';
import type { Logger } from '../ops/log.js';
import { createMetrics, type Metrics, type Place } from '../ops/metrics.js';
import { readProxies } from '../proxy.js';
import { cacheEntry, type CacheEntry } from '../cluster/cloudJobStore.js';
import { ClusterSecrets } from '../cluster/secrets.js';
import { SecretCache } from '../reconcile/secretCache.js';
import { EventTransitionRecorder } from '../cluster/transitionRecorder.js';
import type { Settings } from '../settings/settings.js';
import { onAbort } from '../signals.js';
import { alterationReporter } from './alterations.js';
import { createCloudSide, type CloudSide } from './cloudSide.js';
import { createClusterSide, leaseNameOf, type ClusterSide } from './clusterSide.js';
import { countPhases } from './jobMetrics.js';
import { probes } from './probes.js';
import { createShardWork, WORKERS } from './shardWork.js';
import { ShardWorks } from './shardWorks.js';

/** After the work has ended, its events may still be sent for this time. */
const EVENTS_DRAIN_MS = 1_000;

/** The parts of a running operator. */
interface Parts {
  readonly cluster: ClusterSide;
  readonly cloud: CloudSide;
  readonly works: ShardWorks;
  readonly informer: Informer<CacheEntry>;
}

/**
 * Puts the parts together and runs them until `stop` aborts: watch -> queue -> reconciler -> cloud -> status.
 *
 * @throws KubeconfigError when no cluster is configured
 * @throws ProxyError when the environment names a proxy that cannot be used
 * @throws PortError when the port for probes and metrics is taken
 * @throws LeaseLost when another replica may have taken over
 */
export async function runOperator(settings: Settings, logger: Logger, stop: AbortSignal): Promise<void> {
  const clock = systemClock;
  const { random } = Math;
  const proxyFor = readProxies(process.env);
  const access = await loadClusterAccess(settings.kubeconfig, clock);
  const place = { kubeHost: access.server.host, lease: leaseNameOf(settings) };
  const metrics = createOperatorMetrics(() => parts, place);
  const common = { settings, clock, random, logger, metrics };
  const end = new AbortController();

  const isBusy = (): boolean => [...works.values].some(({ queue }) => queue.depth > 0);
  const cluster = createClusterSide({ ...common, access, isBusy });
  const cloud = createCloudSide({ ...common, proxyFor, wake: (key, priority) => works.wake(key, priority) });
  const shardParts = {
    ...common,
    ...cloud,
    // Times in a CloudJob are by the API server's clock, so decisions use that clock too.
    clock: cluster.serverClock,
    client: cluster.client,
    secrets: new SecretCache(new ClusterSecrets(cluster.client), clock, end.signal),
    transitions: new EventTransitionRecorder(cluster.events, logger),
    polling: settings.config.polling,
    onAlteration: alterationReporter(logger, metrics),
  };
  const works: ShardWorks = new ShardWorks(
    settings.shards,
    { get: (key) => informer.get(key), values: () => informer.values() },
    ({ get }) => createShardWork(shardParts, { get, refresh: informer.refresh.bind(informer) }),
  );
  const informer = new Informer<CacheEntry>({
    ...common,
    client: cluster.client,
    type: CLOUD_JOBS,
    namespaces: settings.namespaces,
    trim: cacheEntry,
    handler: works,
    onWatchEnd: (why) => metrics.watchRestarted(why),
  });
  const parts: Parts = { cluster, cloud, works, informer };

  const progress = {
    watchActiveAt: () => informer.lastActivity,
    queueStuckMs: () => queueStats(works).stuckMs,
    isReady: () => informer.ready,
    watchProblems: () => informer.problems(),
    isStopping: () => stop.aborted,
  };
  const ops = await serveOps(settings.httpPort, probes(progress, clock), metrics);
  logger.info('http listening', { port: ops.port });
  try {
    await runParts(parts, settings, stop, end);
  } finally {
    await ops.close();
    cloud.http.close();
    cluster.close();
  }
}

/** Watches until `stop`, works while the Lease is held, and ends everything when either is over. */
async function runParts(
  { cluster, cloud, works, informer }: Parts,
  { shards }: Settings,
  stop: AbortSignal,
  end: AbortController,
): Promise<void> {
  const lost = new AbortController();

  /** Works on one shard. */
  async function work(shard: number, stopShard: AbortSignal, lostShard: AbortSignal): Promise<void> {
    // The signal outlives the shards.
    const unlisten = onAbort(lostShard, () => lost.abort());
    const running = works.run(shard, stopShard, lost.signal);
    cloud.reader.setShare(works.size / shards);
    await running;
    await cluster.events.drain(EVENTS_DRAIN_MS);
    unlisten();
    if (works.size > 0) cloud.reader.setShare(works.size / shards);
  }

  const background = [
    informer.run(firstOf(stop, end.signal)),
    cluster.events.run(firstOf(lost.signal, end.signal)),
  ];
  try {
    if (cluster.lease === undefined) {
      await work(0, stop, lost.signal);
    } else {
      // A replica that can read no CloudJobs must not take a Lease from one that can.
      await informer.untilReady(stop);
      await cluster.lease.run(stop, work);
    }
  } finally {
    end.abort();
    cloud.reader.close();
    await Promise.all(background);
  }
}

/** For work that lasts as long as the process: the listeners are never removed. */
function firstOf(...signals: readonly AbortSignal[]): AbortSignal {
  const first = new AbortController();
  for (const signal of signals) onAbort(signal, () => first.abort());
  return first.signal;
}

function queueStats(works: ShardWorks): QueueStats {
  return sumOfStats([...works.values].map(({ queue }) => queue.stats()));
}

/** @param parts read at each scrape: the metrics exist before the parts that they read */
function createOperatorMetrics(parts: () => Parts, place: Place): Metrics {
  return createMetrics(
    {
      queue: () => queueStats(parts().works),
      workers: () => parts().works.size * WORKERS,
      leading: () => parts().works.size > 0 && parts().cluster.mayWrite(),
      watches: () =>
        new Map(
          [...parts().informer.problems()].map(([namespace, problem]) => [namespace, problem === undefined]),
        ),
      jobs: () => countPhases(parts().informer.values()),
      observationAgeSeconds: () =>
        Math.max(
          0,
          ...[...parts().works.values].map(({ reconciler }) => reconciler.observationAgeMs() / 1000),
        ),
      regions: () => parts().cloud.reader.regions(),
      openCredentials: () => parts().cloud.reader.openCredentials,
    },
    place,
  );
}
