import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What is read when somebody asks, instead of being counted on the way. */
export interface Gauges {
  /** Keys that wait for a worker. */
  readonly queueDepth: () => number;
  /** Whether this replica is the one that works. */
  readonly leading: () => boolean;
}

export interface Metrics {
  /** How one pass ended, as the controller calls it. */
  reconciled(outcome: string, seconds: number): void;
  /** A watch of CloudJobs was opened anew, and why. */
  watchRestarted(why: string): void;
  /** One HTTP request to the cloud was sent. */
  cloudCalled(method: string): void;
  /** The exposition format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

const CONTROLLER = 'cloudjob';

/**
 * Prometheus metrics under controller-runtime's names, so that stock dashboards work, and `cloudjob_*` for the cloud's side.
 * No label grows with objects.
 */
export function createMetrics({ queueDepth, leading }: Gauges): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes over one object, by how they ended.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of one pass, the wait for the cloud included.',
    labelNames: ['controller'],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const restarts = new Counter({
    name: 'cloudjob_watch_restarts_total',
    help: 'Watches of CloudJobs that ended, by why.',
    labelNames: ['reason'],
    registers,
  });
  const calls = new Counter({
    name: 'cloudjob_cloud_requests_total',
    help: 'HTTP requests sent to the cloud, IAM included.',
    labelNames: ['method'],
    registers,
  });
  const depth = new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait for a worker.',
    labelNames: ['name'],
    registers,
  });
  const master = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this replica works.',
    labelNames: ['name'],
    registers,
  });

  return {
    reconciled(outcome, seconds) {
      total.inc({ controller: CONTROLLER, result: outcome });
      time.observe({ controller: CONTROLLER }, seconds);
    },
    watchRestarted: (reason) => restarts.inc({ reason }),
    cloudCalled: (method) => calls.inc({ method }),
    text() {
      depth.set({ name: CONTROLLER }, queueDepth());
      master.set({ name: CONTROLLER }, Number(leading()));
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
