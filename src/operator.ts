import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Authenticators } from './cloud/auth/authenticators.js';
import { JobClient } from './cloud/client.js';
import { createHttp } from './cloud/http.js';
import { CloudReader } from './cloud/reader.js';
import { CLOUD_JOBS, type CloudJobStatus } from './api/cloudjob.js';
import { systemClock } from './clock.js';
import { KubeClient } from './kube/client.js';
import { Controller } from './kube/controller.js';
import { EventRecorder } from './kube/events.js';
import { FencedTransport } from './kube/fence.js';
import { Informer } from './kube/informer.js';
import { loadClusterAccess } from './kube/access/kubeconfig.js';
import { LeaseHolder } from './kube/lease.js';
import { sumOfStats, WorkQueue, type QueueStats } from './kube/queue.js';
import { HttpTransport } from './kube/transport.js';
import { serveOps, type Probe } from './ops/http.js';
import type { Logger } from './ops/log.js';
import { createMetrics } from './ops/metrics.js';
import { inSpan } from './ops/tracing.js';
import { trim, type CachedCloudJob } from './reconcile/cached.js';
import { ClusterCloudJobs, ClusterSecrets } from './reconcile/cluster.js';
import { countPhases, endOf } from './reconcile/census.js';
import { Reconciler } from './reconcile/reconciler.js';
import { SecretCache } from './reconcile/secrets.js';
import { Telling } from './reconcile/telling.js';
import type { Settings } from './settings.js';
import { ShardWorks } from './shardWork.js';
import { onAbort } from './signals.js';

/** Passes at a time. They spend their time waiting for the network, so there may be many. */
const WORKERS = 64;
/**
 * A watch hears a bookmark about every minute, and an API server that is away is tried again at least every five: after
 * this long something in this process is stuck. An outage alone, however long, is no reason to be restarted.
 */
const WATCH_SILENCE_MS = 600_000;
/** A pass is left behind after 130 s at the latest, so a worker is free again by then. */
const QUEUE_STUCK_MS = 300_000;
/** At the end the passes that are under way may finish; one that waits for a slow cloud has nothing to lose. */
const DRAIN_MS = 3_000;
/** Then the events that they told of may still be stored. */
const EVENTS_DRAIN_MS = 1_000;
const USER_AGENT = 'cloudjob-operator';

/**
 * Puts the parts together and runs them until `stop` aborts: watch -> queue -> reconciler -> cloud -> status.
 *
 * @throws KubeconfigError when it cannot tell where the cluster is
 */
export async function runOperator(settings: Settings, logger: Logger, stop: AbortSignal): Promise<void> {
  const clock = systemClock;
  const { random } = Math;
  const { config } = settings;
  const access = await loadClusterAccess(settings.kubeconfig, clock);
  const connect = (): HttpTransport =>
    new HttpTransport({
      access,
      clock,
      userAgent: USER_AGENT,
      onAttempt: ({ method, status, durationMs }) => metrics.apiCalled(method, status, durationMs / 1000),
    });
  const transport = connect();
  // Its connections are its own: a Lease that waits behind the work is lost.
  const leaseTransport = connect();
  const lease = new LeaseHolder({
    client: new KubeClient({ transport: leaseTransport, clock, random }),
    clock,
    random,
    logger,
    namespace: access.namespace ?? 'default',
    name: USER_AGENT,
    identity: `${hostname()}_${randomUUID()}`,
    count: settings.shards,
  });
  const mayWrite = (): boolean => !settings.leaderElect || lease.leading;
  const client = new KubeClient({ transport: new FencedTransport(transport, mayWrite), clock, random });
  const queueStats = (): QueueStats => sumOfStats([...works.values].map(({ queue }) => queue.stats()));
  const metrics = createMetrics(
    {
      queue: queueStats,
      leading: () => held > 0 && mayWrite(),
      jobs: () => countPhases(informer.values()),
      oldestLookSeconds: () =>
        Math.max(0, ...[...works.values].map(({ reconciler }) => reconciler.oldestLookMs() / 1000)),
      regions: () => reader.regions(),
      openCredentials: () => reader.openCredentials,
    },
    { workers: WORKERS, kubeHost: access.server.host, lease: USER_AGENT },
  );
  const http = createHttp(clock, {
    onEnd: ({ method, status, durationMs }) => metrics.cloudCalled(method, status, durationMs / 1000),
  });
  const jobClient = new JobClient(http, clock);
  const reader = new CloudReader({
    client: {
      read: (...look) => {
        const [{ jobID, region }] = look;
        return inSpan('cloud.readJob', { jobID, region: region.name }, () => jobClient.read(...look));
      },
      list: (...ask) =>
        inSpan('cloud.listJobs', { region: ask[0].region.name }, () => jobClient.list(...ask)),
    },
    clock,
    random,
    budget: config.budget,
    replicas: settings.shards,
    freshMs: config.polling.minSeconds * 1000,
    wake: (key, priority) => works.wake(key, priority),
    onLook: (observation) => {
      if (observation.kind === 'job') metrics.looked('job', undefined);
      else metrics.looked(observation.error.class, observation.error.code);
    },
    onUnchanged: () => metrics.looked('unchanged', undefined),
    onList: (error) => metrics.jobsListed(error?.class ?? 'list'),
    // At debug: a cloud that is down fails every look. Only here are request IDs told, for the cloud's support.
    onError: (
      { message: detail, class: errorClass, code, status, requestID },
      { region, projectID, jobID },
    ) =>
      logger.debug('look at a job failed', {
        region: region.name,
        projectID,
        jobID,
        class: errorClass,
        code,
        status,
        requestID,
        detail,
      }),
  });
  /** How many shards this replica works on. */
  let held = 0;
  /** Ends everything that outlives a single pass. */
  const end = new AbortController();
  /** Ends the work, at once, when the Lease is lost. */
  const lost = new AbortController();

  const events = new EventRecorder({
    client,
    clock,
    random,
    logger,
    reporter: { controller: USER_AGENT, instance: hostname() },
    // Statuses are what others wait for.
    isBusy: () => [...works.values].some(({ queue }) => queue.depth > 0),
    onOutcome: (outcome) => metrics.eventEnded(outcome),
  });
  const authenticators = new Authenticators(http, clock, random);
  const { ownCredentials } = config;
  const secrets = new SecretCache(new ClusterSecrets(client), clock, end.signal);
  const transitions = new Telling(events, logger);
  const onWrite = (before: CloudJobStatus, after: CloudJobStatus): void => {
    metrics.statusWritten();
    const ending = endOf(before, after);
    if (ending !== undefined) metrics.finished(ending.outcome, ending.seconds);
  };
  const clouds = {
    regions: config.regions,
    defaultRegion: config.defaultRegion,
    authenticators,
    own: ownCredentials && {
      namespaces: new Set(ownCredentials.namespaces),
      authenticator: authenticators.ofWorkload(ownCredentials.source),
    },
  };
  const works = new ShardWorks(
    settings.shards,
    { get: (key) => informer.get(key), values: () => informer.values() },
    ({ get }) => {
      const queue = new WorkQueue({ clock, random });
      const cache = { get, refresh: informer.refresh.bind(informer) };
      const reconciler = new Reconciler({
        store: new ClusterCloudJobs(cache, client, onWrite),
        secrets,
        reader,
        transitions,
        clock,
        random,
        clouds,
        polling: config.polling,
      });
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
    },
  );
  const informer = new Informer<CachedCloudJob>({
    client,
    type: CLOUD_JOBS,
    namespaces: settings.namespaces,
    trim,
    handler: works,
    clock,
    random,
    logger,
    onWatchEnd: (why) => metrics.watchRestarted(why),
  });

  const probes = new Map<string, Probe>([
    [
      '/healthz',
      () => {
        if (clock.monotonic() - informer.lastActivity > WATCH_SILENCE_MS)
          return 'the watch of CloudJobs is stuck\n';
        if (queueStats().stuckMs > QUEUE_STUCK_MS) return 'no CloudJob gets a worker\n';
        return undefined;
      },
    ],
    [
      '/readyz',
      () => {
        if (stop.aborted) return 'stopping\n';
        // A replica that waits for the Lease with a warm cache is ready, too: a rolling update waits for it.
        return informer.synced ? undefined : 'the CloudJobs are not listed yet\n';
      },
    ],
  ]);
  const ops = await serveOps(settings.httpPort, probes, metrics);
  logger.info('http listening', { port: ops.port });
  const watching = informer.run(firstOf(end.signal, stop));
  const telling = events.run(firstOf(end.signal, lost.signal));
  const work = async (shard: number, stopShard: AbortSignal, lostShard: AbortSignal): Promise<void> => {
    // Shards come and go, and the signal stays.
    const unlisten = onAbort(lostShard, () => lost.abort());
    held += 1;
    reader.share(held / settings.shards);
    await works.run(shard, stopShard, lost.signal);
    await events.drain(EVENTS_DRAIN_MS);
    unlisten();
    held -= 1;
    if (held > 0) reader.share(held / settings.shards);
  };
  try {
    if (settings.leaderElect) {
      // Whoever cannot read the CloudJobs must not take a Lease from those who can.
      await informer.untilSynced(stop);
      await lease.run(stop, work);
    } else {
      await work(0, stop, lost.signal);
    }
  } finally {
    end.abort();
    reader.close();
    await Promise.all([watching, telling]);
    await ops.close();
    http.close();
    leaseTransport.close();
    transport.close();
  }
}

/** For work that lasts as long as the process: what listens to both is never taken back. */
function firstOf(...signals: readonly AbortSignal[]): AbortSignal {
  const first = new AbortController();
  for (const signal of signals) onAbort(signal, () => first.abort());
  return first.signal;
}
