import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Authenticators } from './cloud/auth/authenticators.js';
import { JobClient } from './cloud/client.js';
import { createHttp } from './cloud/http.js';
import { CloudReader } from './cloud/reader.js';
import { systemClock } from './clock.js';
import { KubeClient } from './kube/client.js';
import { Controller } from './kube/controller.js';
import { EventRecorder } from './kube/events.js';
import { FencedTransport } from './kube/fence.js';
import { Informer } from './kube/informer.js';
import { loadClusterAccess } from './kube/kubeconfig.js';
import type { KubeObject } from './kube/object.js';
import { LeaderElection } from './kube/leader.js';
import { WorkQueue } from './kube/queue.js';
import { HttpTransport } from './kube/transport.js';
import { serveOps, type Probe } from './ops/http.js';
import type { Logger } from './ops/log.js';
import { createMetrics } from './ops/metrics.js';
import { CLOUD_JOBS, ClusterCloudJobs, ClusterSecrets, trim } from './reconcile/cluster.js';
import { countPhases, endOf } from './reconcile/census.js';
import { Reconciler } from './reconcile/reconciler.js';
import { SecretCache } from './reconcile/secrets.js';
import { Telling } from './reconcile/telling.js';
import type { Settings } from './settings.js';

/** Passes at a time. They spend their time waiting for the network, so there may be many. */
const WORKERS = 64;
/** The watch hears a bookmark about every minute; silence for this long means that it does not recover by itself. */
const WATCH_SILENCE_MS = 300_000;
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
  const transport = new HttpTransport({ access, clock, userAgent: USER_AGENT });
  const leaseClient = new KubeClient({ transport, clock, random });
  const election = settings.leaderElect
    ? new LeaderElection({
        client: leaseClient,
        clock,
        random,
        logger,
        namespace: access.namespace ?? 'default',
        name: USER_AGENT,
        identity: `${hostname()}_${randomUUID()}`,
      })
    : undefined;
  const mayWrite = (): boolean => election?.leading ?? true;
  const client = new KubeClient({ transport: new FencedTransport(transport, mayWrite), clock, random });
  const queue = new WorkQueue({ clock, random });
  const metrics = createMetrics(
    {
      queueDepth: () => queue.depth,
      activeWorkers: () => queue.processing,
      leading: () => working && mayWrite(),
      jobs: () => countPhases(informer.values()),
      oldestLookSeconds: () => reconciler.oldestLookMs() / 1000,
      regions: () => reader.regions(),
      openCredentials: () => reader.openCredentials,
    },
    WORKERS,
  );
  const http = createHttp(clock, {
    onEnd: ({ method, status, durationMs }) => metrics.cloudCalled(method, status, durationMs / 1000),
  });
  const reader = new CloudReader({
    client: new JobClient(http, clock),
    clock,
    random,
    budget: config.budget,
    freshMs: config.polling.minSeconds * 1000,
    wake: (key) => queue.add(key, 'low'),
    onLook: (observation) => {
      if (observation.kind === 'job') metrics.looked('job', undefined);
      else metrics.looked(observation.error.class, observation.error.code);
    },
  });
  /** Whether this replica is the one that works. */
  let working = false;
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
    onOutcome: (outcome) => metrics.eventEnded(outcome),
  });
  const cloudJobs: Pick<Informer<KubeObject>, 'get' | 'refresh'> = {
    get: (key) => informer.get(key),
    refresh: (ref, seen, signal) => informer.refresh(ref, seen, signal),
  };
  const authenticators = new Authenticators(http, clock, random);
  const { ownCredentials } = config;
  const reconciler = new Reconciler({
    store: new ClusterCloudJobs(cloudJobs, client, (before, after) => {
      metrics.statusWritten();
      const ending = endOf(before, after);
      if (ending !== undefined) metrics.finished(ending.outcome, ending.seconds);
    }),
    secrets: new SecretCache(new ClusterSecrets(client), clock, end.signal),
    reader,
    transitions: new Telling(events, logger),
    clock,
    random,
    clouds: {
      regions: config.regions,
      defaultRegion: config.defaultRegion,
      authenticators,
      own: ownCredentials && {
        namespaces: new Set(ownCredentials.namespaces),
        authenticator: authenticators.ofWorkload(ownCredentials.source),
      },
    },
    polling: config.polling,
  });
  const controller = new Controller({
    queue,
    reconcile: (key, { signal }) => reconciler.reconcile(key, signal),
    workers: WORKERS,
    clock,
    logger,
    timings: { stopMs: DRAIN_MS },
    observer: {
      reconciled: ({ waitedMs }, outcome, ms) => metrics.reconciled(outcome, ms / 1000, waitedMs / 1000),
    },
  });
  const informer = new Informer({
    client,
    type: CLOUD_JOBS,
    namespaces: settings.namespaces,
    trim,
    handler: controller,
    clock,
    random,
    logger,
    onWatchEnd: (why) => metrics.watchRestarted(why),
  });

  const probes = new Map<string, Probe>([
    [
      '/healthz',
      () =>
        clock.monotonic() - informer.lastActivity > WATCH_SILENCE_MS
          ? 'the watch of CloudJobs has been silent for too long\n'
          : undefined,
    ],
    [
      '/readyz',
      () =>
        stop.aborted ? 'stopping\n' : informer.synced ? undefined : 'the CloudJobs are not listed yet\n',
    ],
  ]);
  const ops = await serveOps(settings.httpPort, probes, metrics);
  logger.info('http listening', { port: ops.port });
  const watching = informer.run(AbortSignal.any([end.signal, stop]));
  const telling = events.run(AbortSignal.any([end.signal, lost.signal]));
  const work = async (): Promise<void> => {
    working = true;
    await controller.run(stop, lost.signal);
    await events.drain(EVENTS_DRAIN_MS);
  };
  try {
    if (election === undefined) {
      await work();
      return;
    }
    // Whoever cannot read the CloudJobs must not take the Lease from those who can.
    await informer.untilSynced(stop);
    await election.lead(stop, async (leading) => {
      leading.addEventListener('abort', () => lost.abort(), { once: true });
      await work();
    });
  } finally {
    end.abort();
    reader.close();
    await Promise.all([watching, telling]);
    await ops.close();
    http.close();
    transport.close();
  }
}
