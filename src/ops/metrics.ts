import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { readAtScrape } from './readings.js';
import { createRuntimeMetrics, SECONDS, type QueueGauges, type RuntimeMetrics } from './runtimeMetrics.js';

/** The state of one region of the cloud, over all projects. */
export interface RegionGauges {
  /** Calls that could be made at once, in the project with the fewest. */
  readonly tokens: number;
  /** CloudJobs that wait for a slot in the budget. */
  readonly waiting: number;
  /** Whether the region's breaker lets no call through. */
  readonly open: boolean;
}

/** Values that are read at each scrape. */
export interface Gauges {
  readonly queue: () => QueueGauges;
  /** Reconciles that may run at a time. */
  readonly workers: () => number;
  /** Whether this replica works. */
  readonly leading: () => boolean;
  /** Whether the CloudJobs of a namespace are watched, by its name (`*`: all namespaces). */
  readonly watches: () => ReadonlyMap<string, boolean>;
  /** CloudJobs by what their phase means. */
  readonly jobs: () => ReadonlyMap<string, number>;
  /** Seconds since the oldest observation of an unfinished job; 0 if there is none. */
  readonly observationAgeSeconds: () => number;
  /** By the name of the region. */
  readonly regions: () => ReadonlyMap<string, RegionGauges>;
  /** Credentials whose calls are held back because the cloud rejects them. */
  readonly openCredentials: () => number;
}

/** What does not change while the process runs. */
export interface Place {
  /** Where the Kubernetes API is. */
  readonly kubeHost: string;
  /** The name of the Lease that the leader holds. */
  readonly lease: string;
}

export interface Metrics extends RuntimeMetrics {
  /** A watch of CloudJobs was opened again, and why. */
  watchRestarted(why: string): void;
  /** One HTTP request to the cloud, IAM included, has ended; undefined: it got no answer. */
  cloudCalled(method: string, status: number | undefined, seconds: number): void;
  /** One poll of a job has ended: `job`, or the class of its error and the cloud's code. */
  polled(outcome: string, code: string | undefined): void;
  /** A status was stored. */
  statusWritten(): void;
  /** The stored status differs from what the operator wrote. */
  statusAltered(how: string): void;
  /** The outcome of an event. */
  eventEnded(outcome: string): void;
  /** A job was observed to have ended, this many seconds after the cloud created it. */
  finished(outcome: 'succeeded' | 'failed', seconds: number): void;
  /** The exposition format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** The cloud chooses its codes: the first ones, up to this number, get a label of their own; all others are `other`. */
const MAX_CODES = 64;
const MINUTES = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600];

/**
 * Prometheus metrics under controller-runtime's names, so that stock dashboards work, and `cloudjob_*` for the cloud side.
 * The number of labels does not grow with the number of objects.
 *
 * @param registry gets all metrics but Node's own
 */
export function createMetrics(
  gauges: Gauges,
  { kubeHost, lease }: Place,
  registry: Registry = new Registry(),
): Metrics {
  const registers = [registry];
  const runtime = createRuntimeMetrics(registry, gauges.queue, gauges.workers, kubeHost);
  const restarts = new Counter({
    name: 'cloudjob_watch_restarts_total',
    help: 'Watches of CloudJobs that ended, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const calls = new Counter({
    name: 'cloudjob_cloud_requests_total',
    help: 'HTTP requests to the cloud, IAM included, by method and status (none: no complete answer).',
    labelNames: ['method', 'status'],
    registers,
  });
  const callTime = new Histogram({
    name: 'cloudjob_cloud_request_duration_seconds',
    help: 'Time of one HTTP request to the cloud, to its last byte.',
    labelNames: ['method'],
    buckets: SECONDS,
    registers,
  });
  const polls = new Counter({
    name: 'cloudjob_looks_total',
    help: "Polls of jobs, by outcome (job, or the class of the error) and the cloud's error code.",
    labelNames: ['outcome', 'code'],
    registers,
  });
  const writes = new Counter({
    name: 'cloudjob_status_writes_total',
    help: 'Statuses stored; an unchanged job causes none.',
    registers,
  });
  const alterations = new Counter({
    name: 'cloudjob_status_alterations_total',
    help: 'Stored statuses that differ from what the operator wrote: pruned (the CustomResourceDefinition is older than the operator), overwritten (somebody else writes them too).',
    labelNames: ['how'],
    registers,
  });
  const events = new Counter({
    name: 'cloudjob_events_total',
    help: 'Kubernetes Events by outcome: sent, limited (too many of one object), overflow (too many at once), refused (by the API server).',
    labelNames: ['outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'cloudjob_job_duration_seconds',
    help: "Time from a job's creation to its end, by the cloud's clock.",
    labelNames: ['outcome'],
    buckets: MINUTES,
    registers,
  });

  const gauge = readAtScrape.bind(undefined, registry, 'gauge');
  gauge('leader_election_master_status', '1 while this replica works on CloudJobs.', ['name'], (set) =>
    set({ name: lease }, Number(gauges.leading())),
  );
  gauge(
    'cloudjob_watch_up',
    '1 while the CloudJobs of the namespace are watched (*: all namespaces); 0 while they cannot be read.',
    ['namespace'],
    (set) => {
      for (const [namespace, isWatched] of gauges.watches()) set({ namespace }, Number(isWatched));
    },
  );
  gauge(
    'cloudjob_jobs',
    'CloudJobs by what their phase means (none: not observed yet).',
    ['phase'],
    (set) => {
      for (const [phase, count] of gauges.jobs()) set({ phase }, count);
    },
  );
  gauge(
    'cloudjob_observation_age_seconds',
    'Time since the last successful poll of the unfinished job with the oldest observation.',
    [],
    (set) => set({}, gauges.observationAgeSeconds()),
  );
  const byRegion = (name: string, help: string, read: (region: RegionGauges) => number): void =>
    gauge(name, help, ['region'], (set) => {
      for (const [region, state] of gauges.regions()) set({ region }, read(state));
    });
  byRegion(
    'cloudjob_budget_tokens',
    'Calls that could be made at once, in the project with the fewest.',
    ({ tokens }) => tokens,
  );
  byRegion(
    'cloudjob_budget_waiting',
    'CloudJobs that wait for a slot in the budget.',
    ({ waiting }) => waiting,
  );
  byRegion(
    'cloudjob_region_breaker_open',
    '1 while the operator holds back calls to the region because they fail.',
    ({ open }) => Number(open),
  );
  gauge(
    'cloudjob_credential_breakers_open',
    'Credentials in use whose calls are held back because the cloud rejects them.',
    [],
    (set) => set({}, gauges.openCredentials()),
  );

  const codes = new Set<string>();
  function codeLabel(code: string): string {
    if (codes.has(code) || codes.size < MAX_CODES) return codes.add(code) && code;
    return 'other';
  }

  const nodeMetrics = new Registry();
  collectDefaultMetrics({ register: nodeMetrics });
  const everything = Registry.merge([nodeMetrics, registry]);

  return {
    ...runtime,
    watchRestarted: (reason) => restarts.inc({ reason }),
    cloudCalled(method, status, seconds) {
      calls.inc({ method, status: status === undefined ? 'none' : String(status) });
      callTime.observe({ method }, seconds);
    },
    polled: (outcome, code) => polls.inc({ outcome, code: code === undefined ? '' : codeLabel(code) }),
    statusWritten: () => writes.inc(),
    statusAltered: (how) => alterations.inc({ how }),
    eventEnded: (outcome) => events.inc({ outcome }),
    finished: (outcome, seconds) => duration.observe({ outcome }, seconds),
    text: () => everything.metrics(),
    contentType: registry.contentType,
  };
}
