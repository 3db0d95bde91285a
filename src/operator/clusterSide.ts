import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { OPERATOR } from '../api/managedFields.js';
import type { Clock } from '../clock.js';
import type { ClusterAccess } from '../kube/access/access.js';
import { KubeClient } from '../kube/client.js';
import { EventRecorder } from '../kube/events.js';
import { LeaseHolder } from '../kube/lease.js';
import { scopedLeaseName } from '../kube/leaseRecord.js';
import { ServerClock } from '../kube/serverClock.js';
import { HttpTransport } from '../kube/transport.js';
import type { Logger } from '../ops/log.js';
import type { Metrics } from '../ops/metrics.js';
import type { Settings } from '../settings/settings.js';

export interface ClusterSide {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  /** Undefined without leader election. */
  readonly lease: LeaseHolder | undefined;
  /** Whether this process may write; check it at the moment of writing. */
  readonly mayWrite: () => boolean;
  /** The API server's time. */
  readonly serverClock: Clock;
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
  /** Whether other work waits; it goes before events. */
  readonly isBusy: () => boolean;
}

/** The name of the Lease; with shards, the beginning of their names. */
export function leaseNameOf({ namespaces }: Pick<Settings, 'namespaces'>): string {
  return scopedLeaseName(OPERATOR, namespaces);
}

/** The parts that talk to the Kubernetes API: client, Events, and the Lease with its own connections. */
export function createClusterSide(parts: ClusterSideParts): ClusterSide {
  const { settings, access, clock, random, logger, metrics, isBusy } = parts;
  if (access.proxy !== undefined) logger.info('kubernetes proxy', { proxy: access.proxy.toString() });
  const serverClock = new ServerClock(clock);
  const connect = (mayWrite?: () => boolean): HttpTransport =>
    new HttpTransport({
      access,
      clock,
      userAgent: OPERATOR,
      mayWrite,
      onAttempt: ({ method, status, durationMs, date }) => {
        serverClock.answered(date, durationMs);
        metrics.apiCalled(method, status, durationMs / 1000);
      },
    });
  const replica = settings.podUID === undefined ? hostname() : `${hostname()}_${settings.podUID}`;
  // If a renewal waited behind the work, the Lease would be lost.
  const leaseTransport = connect();
  const lease = new LeaseHolder({
    client: new KubeClient({ transport: leaseTransport, clock, random }),
    clock,
    random,
    logger,
    namespace: access.namespace ?? 'default',
    name: leaseNameOf(settings),
    identity: `${replica}_${randomUUID()}`,
    // A container starts again only when it has ended.
    predecessors: settings.podUID === undefined ? undefined : `${replica}_`,
    count: settings.shards,
  });
  const mayWrite = (): boolean => !settings.leaderElect || lease.leading;
  // A paused process wakes up in the middle of its work, before a timer can stop it, and another one may lead by then.
  const transport = connect(mayWrite);
  const client = new KubeClient({ transport, clock, random });
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
    lease: settings.leaderElect ? lease : undefined,
    mayWrite,
    serverClock,
    close() {
      leaseTransport.close();
      transport.close();
    },
  };
}
