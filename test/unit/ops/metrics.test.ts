import { describe, expect, it } from '@jest/globals';
import { createMetrics, type Gauges, type Metrics } from '../../../src/ops/metrics.js';

const NONE: Gauges = {
  queue: () => ({ depth: 0, processing: 0, adds: 0, retries: 0, unfinishedMs: 0, longestMs: 0 }),
  leading: () => false,
  watches: () => new Map(),
  jobs: () => new Map(),
  workers: () => 128,
  observationAgeSeconds: () => 0,
  regions: () => new Map(),
  openCredentials: () => 0,
};

const PLACE = { kubeHost: '10.0.0.1:443', lease: 'operator' };

/** The lines of one metric, without its explanation. */
async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
}

describe('metrics', () => {
  it('count passes under the names of controller-runtime', async () => {
    const metrics = createMetrics(NONE, PLACE);

    metrics.reconciled('done', 0.2, 0.01);
    metrics.reconciled('requeue', 0.2, 0.01);
    metrics.reconciled('late', 120, 3);
    metrics.reconciled('panic', 0.1, 3);
    metrics.reconciled('aborted', 0.1, 3);

    expect(await linesOf(metrics, 'controller_runtime_reconcile_total')).toEqual([
      'controller_runtime_reconcile_total{controller="cloudjob",result="success"} 1',
      'controller_runtime_reconcile_total{controller="cloudjob",result="requeue_after"} 1',
      'controller_runtime_reconcile_total{controller="cloudjob",result="error"} 2',
    ]);
    expect(await linesOf(metrics, 'controller_runtime_reconcile_errors_total')).toEqual([
      'controller_runtime_reconcile_errors_total{controller="cloudjob"} 2',
    ]);
    expect(await linesOf(metrics, 'controller_runtime_reconcile_panics_total')).toEqual([
      'controller_runtime_reconcile_panics_total{controller="cloudjob"} 1',
    ]);
    expect(await linesOf(metrics, 'controller_runtime_reconcile_timeouts_total')).toEqual([
      'controller_runtime_reconcile_timeouts_total{controller="cloudjob"} 1',
    ]);
    expect(await linesOf(metrics, 'controller_runtime_max_concurrent_reconciles')).toEqual([
      'controller_runtime_max_concurrent_reconciles{controller="cloudjob"} 128',
    ]);
  });

  it('report the queue and the Kubernetes API as client-go does', async () => {
    const queue = { depth: 1, processing: 2, adds: 3, retries: 4, unfinishedMs: 5_000, longestMs: 6_000 };
    const metrics = createMetrics({ ...NONE, queue: () => queue }, PLACE);

    metrics.apiCalled('PATCH', 409, 0.1);
    metrics.apiCalled('GET', undefined, 10);
    const read = await Promise.all(['', ''].map(() => linesOf(metrics, 'workqueue_')));

    const values = read[1]?.filter((line) => !line.includes('duration'));
    expect(values).toEqual([
      'workqueue_depth{name="cloudjob",controller="cloudjob"} 1',
      'workqueue_adds_total{name="cloudjob",controller="cloudjob"} 3',
      'workqueue_retries_total{name="cloudjob",controller="cloudjob"} 4',
      'workqueue_unfinished_work_seconds{name="cloudjob",controller="cloudjob"} 5',
      'workqueue_longest_running_processor_seconds{name="cloudjob",controller="cloudjob"} 6',
    ]);
    expect(await linesOf(metrics, 'rest_client_requests_total')).toEqual([
      'rest_client_requests_total{code="409",method="PATCH",host="10.0.0.1:443"} 1',
      'rest_client_requests_total{code="<error>",method="GET",host="10.0.0.1:443"} 1',
    ]);
  });

  it('report calls by status, and calls without an answer', async () => {
    const metrics = createMetrics(NONE, PLACE);

    metrics.cloudCalled('GET', 200, 0.1);
    metrics.cloudCalled('GET', 429, 0.1);
    metrics.cloudCalled('POST', undefined, 10);

    expect(await linesOf(metrics, 'cloudjob_cloud_requests_total')).toEqual([
      'cloudjob_cloud_requests_total{method="GET",status="200"} 1',
      'cloudjob_cloud_requests_total{method="GET",status="429"} 1',
      'cloudjob_cloud_requests_total{method="POST",status="none"} 1',
    ]);
  });

  it('do not grow with the codes that a cloud may make up', async () => {
    const metrics = createMetrics(NONE, PLACE);

    for (let index = 0; index < 500; index += 1) metrics.polled('transient', `E.${index}`);
    metrics.polled('transient', 'E.0');

    const lines = await linesOf(metrics, 'cloudjob_looks_total');
    expect(lines).toHaveLength(65);
    expect(lines).toContain('cloudjob_looks_total{outcome="transient",code="E.0"} 2');
    expect(lines).toContain('cloudjob_looks_total{outcome="transient",code="other"} 436');
  });

  it('read gauges at each scrape, and drop what is no longer there', async () => {
    const regions = new Map([['eu-de', { tokens: 3.5, waiting: 2, open: true }]]);
    const metrics = createMetrics({ ...NONE, leading: () => true, regions: () => regions }, PLACE);

    expect(await linesOf(metrics, 'leader_election_master_status')).toEqual([
      'leader_election_master_status{name="operator"} 1',
    ]);
    expect(await linesOf(metrics, 'cloudjob_region_breaker_open')).toEqual([
      'cloudjob_region_breaker_open{region="eu-de"} 1',
    ]);
    expect(await linesOf(metrics, 'cloudjob_budget_')).toEqual([
      'cloudjob_budget_tokens{region="eu-de"} 3.5',
      'cloudjob_budget_waiting{region="eu-de"} 2',
    ]);

    regions.clear();

    expect(await linesOf(metrics, 'cloudjob_budget_')).toEqual([]);
  });

  it('say of each namespace whether it is watched', async () => {
    const watches = new Map([
      ['team-a', true],
      ['team-b', false],
    ]);

    expect(
      await linesOf(createMetrics({ ...NONE, watches: () => watches }, PLACE), 'cloudjob_watch_up'),
    ).toEqual(['cloudjob_watch_up{namespace="team-a"} 1', 'cloudjob_watch_up{namespace="team-b"} 0']);
  });

  it('come with those of the process', async () => {
    expect(await linesOf(createMetrics(NONE, PLACE), 'process_cpu_seconds_total')).toHaveLength(1);
  });
});
