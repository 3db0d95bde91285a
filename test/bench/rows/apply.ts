import { SANDBOX_PROJECT_ID } from '../../../src/sandbox/cce/accounts.js';
import type { Bench, Row } from '../bench.js';
import { BenchCluster } from '../cluster.js';
import type { Figure } from '../figure.js';
import { jobIDOf, statusOf } from '../fleet.js';
import { StatusWatch } from '../statusWatch.js';
import { until } from '../wait.js';

/**
 * Calls to the cloud, per second: so that this is the limit, less than the API server can take in statuses, of which there
 * are two for each CloudJob that waits for its turn.
 */
const BUDGET = { requestsPerSecond: 30, burst: 20 };
/** CloudJobs whose status says that their jobs run. */
const RUNNING = 'cloudjob_jobs\\{phase="running"\\}';
const DEADLINE_MS = 900_000;
/** Of CloudJobs that are applied one after the other, and of the calls that they are compared with. */
const GROUPS = 3;

/** Milliseconds. */
interface Samples {
  readonly applied: number[];
  readonly calls: number[];
}

/**
 * What a user waits for: the first status of a CloudJob, when the operator has nothing else to do and when it polls many
 * others; and how long it takes to poll all of those after a start.
 */
export const apply: Row = {
  name: 'apply',
  writes: true,
  async run(bench) {
    const others = bench.quick ? 500 : 10_000;
    const runs = bench.quick ? 1 : 2;
    const perGroup = bench.quick ? 30 : 200;
    const kubeconfig = await bench.kubeconfig();
    const cluster = await BenchCluster.open(kubeconfig);
    const samples = others + GROUPS * perGroup;
    await bench.cloud.call('hold', samples);
    await bench.cloud.call('moveTo', 'running');

    await cluster.clear();
    bench.progress('idle');
    await bench.operator(kubeconfig, { budget: BUDGET });
    const idle = await applyEach(bench, cluster, others, perGroup);

    const list: number[] = [];
    const ready: number[] = [];
    const observed: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      // One that still ran would poll the new ones already.
      await bench.stopOperator();
      await cluster.clear();
      bench.progress(`run ${run + 1} of ${runs}: ${others} CloudJobs are applied`);
      await cluster.create(0, others);
      list.push(await cluster.listSeconds());
      bench.progress(`run ${run + 1} of ${runs}: all are polled`);
      const startedAt = performance.now();
      const operator = await bench.operator(kubeconfig, { budget: BUDGET });
      ready.push(operator.readyMs / 1000);
      await until('a status of each', 100, DEADLINE_MS, async () => {
        return (await operator.metric(RUNNING)) >= others;
      });
      observed.push((performance.now() - startedAt) / 1000);
    }
    bench.progress('loaded');
    const loaded = await applyEach(bench, cluster, others, perGroup);
    await bench.stopOperator();
    await cluster.clear();
    cluster.close();
    const least = list.map((seconds) => seconds + (others - BUDGET.burst) / BUDGET.requestsPerSecond);
    return [
      ...figures('idle', idle, { atMost: 1.5 }),
      ...figures(`with ${others} others`, loaded, { atMost: 3 }),
      {
        what: `start to ready with ${others} new`,
        unit: 's',
        values: ready,
        against: { what: 'to list them', values: list },
      },
      {
        what: `start to all ${others} observed`,
        unit: 's',
        values: observed,
        against: { what: 'list + calls ÷ budget', values: least },
        goal: { atMost: 1.2 },
      },
    ];
  },
};

/** CloudJobs from that number on, one after the other; each group has its values. */
async function applyEach(
  bench: Bench,
  cluster: BenchCluster,
  from: number,
  perGroup: number,
): Promise<readonly Samples[]> {
  const url = `${await bench.cloud.call<string>('url')}/api/v3/projects/${SANDBOX_PROJECT_ID}/jobs/`;
  const watch = await StatusWatch.open(cluster.client);
  // What only the first one needs: connections, and the Secret.
  await cluster.applyUntilSeen(from, watch);
  const groups: Samples[] = [];
  for (let index = from + 1; groups.length < GROUPS;) {
    const group: Samples = { applied: [], calls: [] };
    for (const last = Math.min(index + perGroup, from + GROUPS * perGroup); index < last; index += 1) {
      group.applied.push(await cluster.applyUntilSeen(index, watch));
      const startedAt = performance.now();
      const answer = await fetch(`${url}${jobIDOf(index)}`, { headers: { 'X-Auth-Token': 'sandbox-token' } });
      await answer.text();
      // Two, as an event and a status are.
      await cluster.patch(index, index + 1, () => statusOf(index, 'initializing'));
      await cluster.patch(index, index + 1, () => statusOf(index, 'running'));
      group.calls.push(performance.now() - startedAt);
    }
    groups.push(group);
  }
  watch.close();
  await cluster.remove(from, from + GROUPS * perGroup);
  return groups;
}

function figures(when: string, groups: readonly Samples[], goal: { readonly atMost: number }): Figure[] {
  return [50, 99].map((percent) => ({
    what: `apply to first status, ${when}, p${percent}`,
    unit: 'ms',
    values: groups.map(({ applied }) => percentile(applied, percent)),
    against: {
      what: `cloud + two API calls, p${percent}`,
      values: groups.map(({ calls }) => percentile(calls, percent)),
    },
    ...(percent === 99 && { goal }),
  }));
}

function percentile(values: readonly number[], percent: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil((values.length * percent) / 100) - 1] ?? NaN;
}
