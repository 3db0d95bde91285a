import { Counter, Histogram, type Registry } from 'prom-client';
import { readAtScrape } from './readings.js';

/** The numbers of a work queue; times in milliseconds. */
export interface QueueGauges {
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** Keys that have a worker. */
  readonly processing: number;
  /** Keys added since the start (not counted: keys that waited already), and the retries among them. */
  readonly adds: number;
  readonly retries: number;
  /** How long keys have been with a worker: the sum over all, and the longest. */
  readonly unfinishedMs: number;
  readonly longestMs: number;
}

/** The metrics of controller-runtime and client-go, under their names. */
export interface RuntimeMetrics {
  /** One reconcile has ended, with the controller's name for its outcome. */
  reconciled(outcome: string, seconds: number, waitedSeconds: number): void;
  /** One request to the Kubernetes API has got its headers; undefined: it got none. */
  apiCalled(method: string, status: number | undefined, seconds: number): void;
}

const CONTROLLER = 'cloudjob';
const QUEUE = { name: CONTROLLER, controller: CONTROLLER };
export const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** controller-runtime's results for the controller's outcomes; all others are errors. */
const RESULTS: Readonly<Record<string, string>> = { done: 'success', requeue: 'requeue_after' };

/**
 * @param workers how many reconciles may run at a time, now
 * @param host the host of the Kubernetes API
 */
export function createRuntimeMetrics(
  registry: Registry,
  queue: () => QueueGauges,
  workers: () => number,
  host: string,
): RuntimeMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames = ['controller']): Counter =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[]): Histogram =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers });

  const reconciles = counter('controller_runtime_reconcile_total', 'Reconciles of one object, by result.', [
    'controller',
    'result',
  ]);
  const errors = counter(
    'controller_runtime_reconcile_errors_total',
    'Reconciles that failed and are retried.',
  );
  const panics = counter(
    'controller_runtime_reconcile_panics_total',
    'Reconciles that failed because of a bug in the operator.',
  );
  const timeouts = counter(
    'controller_runtime_reconcile_timeouts_total',
    'Reconciles that were stopped at their deadline.',
  );
  const reconcileTime = histogram(
    'controller_runtime_reconcile_time_seconds',
    'Time of one reconcile, including the wait for the cloud.',
    ['controller'],
  );
  const queueTime = histogram(
    'workqueue_queue_duration_seconds',
    'How long a key that was due waited for a worker.',
    ['name', 'controller'],
  );
  const workTime = histogram('workqueue_work_duration_seconds', 'How long a worker processed a key.', [
    'name',
    'controller',
  ]);
  const apiCalls = counter(
    'rest_client_requests_total',
    'Requests to the Kubernetes API by status (<error>: no answer), method and host.',
    ['code', 'method', 'host'],
  );
  const apiTime = histogram(
    'rest_client_request_duration_seconds',
    "Time of one request to the Kubernetes API, to its answer's headers.",
    ['verb', 'host'],
  );

  const readCounter = readAtScrape.bind(undefined, registry, 'counter');
  const gauge = readAtScrape.bind(undefined, registry, 'gauge');
  const queueLabels = ['name', 'controller'];
  gauge('workqueue_depth', 'Keys that wait for a worker.', queueLabels, (set) => set(QUEUE, queue().depth));
  readCounter('workqueue_adds_total', 'Keys that were added.', queueLabels, (set) =>
    set(QUEUE, queue().adds),
  );
  readCounter('workqueue_retries_total', 'Keys that were added after a failure.', queueLabels, (set) =>
    set(QUEUE, queue().retries),
  );
  gauge(
    'workqueue_unfinished_work_seconds',
    'Time that keys have been with a worker, summed over all keys in progress.',
    queueLabels,
    (set) => set(QUEUE, queue().unfinishedMs / 1000),
  );
  gauge(
    'workqueue_longest_running_processor_seconds',
    'Time of the longest key in progress.',
    queueLabels,
    (set) => set(QUEUE, queue().longestMs / 1000),
  );
  gauge('controller_runtime_active_workers', 'Reconciles in progress.', ['controller'], (set) =>
    set({ controller: CONTROLLER }, queue().processing),
  );
  gauge(
    'controller_runtime_max_concurrent_reconciles',
    'Reconciles that may run at a time, in all shards that this replica holds.',
    ['controller'],
    (set) => set({ controller: CONTROLLER }, workers()),
  );
  // Alerts must see a counter's first increment, so the counter starts at 0.
  for (const zero of [errors, panics, timeouts]) zero.inc({ controller: CONTROLLER }, 0);

  return {
    reconciled(outcome, seconds, waitedSeconds) {
      const controller = CONTROLLER;
      queueTime.observe(QUEUE, waitedSeconds);
      workTime.observe(QUEUE, seconds);
      reconcileTime.observe({ controller }, seconds);
      // The end of the process is not a failure.
      if (outcome === 'aborted') return;
      const result = RESULTS[outcome] ?? 'error';
      reconciles.inc({ controller, result });
      if (result === 'error') errors.inc({ controller });
      if (outcome === 'panic') panics.inc({ controller });
      if (outcome === 'late' || outcome === 'abandoned') timeouts.inc({ controller });
    },
    apiCalled(method, status, seconds) {
      apiCalls.inc({ code: status === undefined ? '<error>' : String(status), method, host });
      apiTime.observe({ verb: method, host }, seconds);
    },
  };
}
