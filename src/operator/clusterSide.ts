import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../clock.js';
import type { ClusterAccess } from '../kube/access/access.js';
import { KubeClient } from '../kube/client.js';
import { EventRecorder } from '../kube/events.js';
import { FencedTransport } from '../kube/fence.js';
import { LeaderElection } from '../kube/leader.js';
import { Shards, type ShardRun, type ShardsOptions } from '../kube/shards.js';
import { HttpTransport } from '../kube/transport.js';
import type { Logger } from '../ops/log.js';
import type { Metrics } from '../ops/metrics.js';
import type { Settings } from '../settings/settings.js';

/** The operator's name in Leases, Events and requests. */
export const OPERATOR = 'cloudjob-operator';

export interface ClusterSide {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  /** Undefined without leader election. */
  readonly lease: ReturnType<typeof createLease> | undefined;
  /** Whether this process may write; to be checked in the moment of writing. */
  readonly mayWrite: () => boolean;
  /** Closes all connections. */
  close(): void;
}

export interface ClusterSideParts {
  readonly settings: Settings;
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Whether other work waits, which goes before events. */
  readonly isBusy: () => boolean;
}

/** What speaks with the Kubernetes API: client, Events, and the Lease with connections of its own. */
export function createClusterSide(parts: ClusterSideParts): ClusterSide {
  const { settings, access, clock, random, logger, metrics, isBusy } = parts;
  if (access.proxy !== undefined) logger.info('kubernetes proxy', { proxy: access.proxy.toString() });
  const connect = (): HttpTransport =>
    new HttpTransport({
      access,
      clock,
      userAgent: OPERATOR,
      onAttempt: ({ method, status, durationMs }) => metrics.apiCalled(method, status, durationMs / 1000),
    });
  const transport = connect();
  // A Lease whose renewal waits behind the work is lost.
  const leaseTransport = connect();
  const lease = settings.leaderElect ? createLease(parts, leaseTransport) : undefined;
  const mayWrite = (): boolean => lease?.leading ?? true;
  const client = new KubeClient({ transport: new FencedTransport(transport, mayWrite), clock, random });
  const events = new EventRecorder({
    client,
    clock,
    random,
    logger,
    reporter: { controller: OPERATOR, instance: hostname() },
    isBusy,
    onOutcome: (outcome) => metrics.eventEnded(outcome),
  });
  return {
    client,
    events,
    lease,
    mayWrite,
    close() {
      leaseTransport.close();
      transport.close();
    },
  };
}

function createLease(
  { settings, access, clock, random, logger }: ClusterSideParts,
  transport: HttpTransport,
): { readonly leading: boolean; run(stop: AbortSignal, work: ShardRun): Promise<void> } {
  const lease: Omit<ShardsOptions, 'count'> = {
    client: new KubeClient({ transport, clock, random }),
    clock,
    random,
    logger,
    namespace: access.namespace ?? 'default',
    name: OPERATOR,
    identity: `${hostname()}_${randomUUID()}`,
  };
  if (settings.shards > 1) return new Shards({ ...lease, count: settings.shards });
  const election = new LeaderElection(lease);
  return {
    get leading() {
      return election.leading;
    },
    run: (stop, work) => election.lead(stop, (lost) => work(0, stop, lost)),
  };
}
