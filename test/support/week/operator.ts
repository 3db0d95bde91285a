import { Authenticators } from '../../../src/cloud/auth/authenticators.js';
import { JobClient } from '../../../src/cloud/client.js';
import type { Http } from '../../../src/cloud/http.js';
import { JobReader } from '../../../src/cloud/reader.js';
import { Regions } from '../../../src/cloud/regions.js';
import type { Clock } from '../../../src/clock.js';
import { Controller } from '../../../src/kube/controller.js';
import { WorkQueue } from '../../../src/kube/queue.js';
import { ClusterCloudJobs } from '../../../src/cluster/cloudJobStore.js';
import { Reconciler } from '../../../src/reconcile/reconciler.js';
import { ClusterSecrets } from '../../../src/cluster/secrets.js';
import { SecretCache } from '../../../src/reconcile/secretCache.js';
import type { Polling } from '../../../src/reconcile/schedule.js';
import type { TransitionRecorder } from '../../../src/reconcile/ports.js';
import type { BudgetOptions } from '../../../src/cloud/limits/budget.js';
import { UNRECORDED } from '../unrecorded.js';
import type { WeekCluster } from './cluster.js';
import { BUDGET } from './plan.js';

const QUIET = {
  info: () => undefined,
  warn: () => undefined,
  debug: () => undefined,
  error: () => undefined,
};

interface Options {
  /** Per region and project. */
  readonly budget?: BudgetOptions;
  readonly polling?: Polling;
  readonly transitions?: TransitionRecorder;
}

/** The operator's parts, put together as src/operator does, between a cluster and a cloud in memory. */
export function makeOperator(
  clock: Clock,
  random: () => number,
  cluster: WeekCluster,
  http: Http,
  { budget = BUDGET, polling = { minSeconds: 2, maxSeconds: 60 }, transitions = UNRECORDED }: Options = {},
) {
  const queue = new WorkQueue({ clock, random });
  const { signal } = new AbortController();
  const reader = new JobReader({
    client: new JobClient(http, clock),
    clock,
    random,
    budget,
    freshMs: polling.minSeconds * 1000,
    wake: (key, priority) => queue.add(key, priority),
  });
  const address = (region: string) => ({
    cce: `https://cce.${region}.test`,
    iam: `https://iam.${region}.test`,
  });
  const reconciler = new Reconciler({
    store: new ClusterCloudJobs(cluster.cache, cluster.client),
    secrets: new SecretCache(new ClusterSecrets(cluster.client), clock, signal),
    reader,
    transitions,
    onAlteration: () => undefined,
    clock,
    random,
    clouds: {
      regions: new Regions({ north: address('north'), south: address('south') }),
      defaultRegion: undefined,
      authenticators: new Authenticators(http, clock, random),
    },
    polling,
  });
  const controller = new Controller({
    queue,
    reconcile: (key, pass) => reconciler.reconcile(key, pass),
    workers: 64,
    clock,
    logger: QUIET,
  });
  cluster.handler = controller;
  return { queue, reader, reconciler, controller };
}
