import type { CloudJobStatus } from '../../../src/api/cloudjob.js';
import type { Bench, Row } from '../bench.js';
import { BenchCluster } from '../cluster.js';
import type { Figure } from '../figure.js';
import { statusOf } from '../fleet.js';
import type { Operator } from '../operator.js';
import { memoryOf } from '../usage.js';
import { pause, until } from '../wait.js';

const REPLICAS = [1, 2, 4];
const SHARDS = 4;
/** Of each replica's Leases, where the kubeconfig names no other. */
const LEASE_NAMESPACE = 'default';
const LEASES_PREFIX = 'cloudjob-operator-shard-';
/** All CloudJobs want a poll each second, and get as many as the budget has. */
const POLLING = { minSeconds: 1, maxSeconds: 1 };
const BUDGET = { requestsPerSecond: 1_000, burst: 100 };
const WINDOWS = 5;
const WINDOW_MS = 2_000;
const DEADLINE_MS = 300_000;
const MIB = 1024 * 1024;

/** What replicas that share the work do together, and how long it takes until the others have the work of one that goes. */
export const shards: Row = {
  name: 'shards',
  writes: true,
  async run(bench) {
    const count = bench.quick ? 300 : 2_000;
    const kubeconfig = await bench.kubeconfig();
    const cluster = await BenchCluster.open(kubeconfig);
    await bench.cloud.call('hold', count);
    await cluster.clear();
    await cluster.create(0, count);
    const figures: Figure[] = [];
    const stopped: number[] = [];
    const killed: number[] = [];
    for (const replicas of REPLICAS) {
      bench.progress(`${replicas} replicas`);
      await bench.stopOperator();
      await bench.cloud.call('moveTo', 'running');
      const operators = await startReplicas(bench, kubeconfig, replicas);
      await balanced(cluster, replicas);
      await settled(bench, cluster, count);
      figures.push(...(await measure(bench, operators, count)));
      if (replicas === 1) continue;
      stopped.push(await goes(cluster, replicas - 1, operators.pop()?.stop));
      const last = operators.length;
      if (last > 1) killed.push(await goes(cluster, last - 1, operators.pop()?.kill));
      else killed.push(await killedAlone(bench, cluster, kubeconfig));
      await bench.stopOperator();
    }
    await bench.stopOperator();
    await cluster.clear();
    cluster.close();
    return [
      ...figures,
      {
        what: 'until others have the work of one that stops',
        unit: 's',
        values: stopped,
        goal: { atMost: 3 },
      },
      {
        what: 'until others have the work of one that died',
        unit: 's',
        values: killed,
        goal: { atMost: 20 },
      },
    ];
  },
};

async function startReplicas(bench: Bench, kubeconfig: string, replicas: number): Promise<Operator[]> {
  const config = { polling: POLLING, budget: BUDGET };
  const operators: Operator[] = [];
  while (operators.length < replicas) {
    operators.push(await bench.replica(kubeconfig, config, [`--shards=${SHARDS}`]));
  }
  return operators;
}

/** Waits until that many replicas have all shards between them. */
async function balanced(cluster: BenchCluster, replicas: number): Promise<void> {
  await until(`${replicas} replicas to have all shards`, 50, DEADLINE_MS, async () => {
    const holders = await cluster.holders(LEASE_NAMESPACE, LEASES_PREFIX);
    const held = holders.filter((holder) => holder !== '');
    return held.length === SHARDS && new Set(held).size === replicas;
  });
}

/**
 * Waits until each CloudJob has its status, and was then polled twice: what a change of hands costs is over. (Writes that
 * were under way when their shard went to another replica may be stored and counted by nobody.)
 */
async function settled(bench: Bench, cluster: BenchCluster, count: number): Promise<void> {
  const { progress } = statusOf(0, 'running');
  const isThere = (status: CloudJobStatus): boolean => status.progress?.summary === progress?.summary;
  await until('a status of each', 500, DEADLINE_MS, async () => (await cluster.count(isThere)) === count);
  const before = await bench.cloud.call<number>('calls');
  await until('two polls of each job', 100, DEADLINE_MS, async () => {
    return (await bench.cloud.call<number>('calls')) - before >= 2 * count;
  });
}

async function writesOf(operators: readonly Operator[]): Promise<number> {
  const all = await Promise.all(operators.map((operator) => operator.metric('cloudjob_status_writes_total')));
  return all.reduce((sum, one) => sum + one, 0);
}

async function measure(bench: Bench, operators: readonly Operator[], count: number): Promise<Figure[]> {
  const calls = (): Promise<number> => bench.cloud.call<number>('calls');
  const perSecond: number[] = [];
  while (perSecond.length < WINDOWS) {
    const before = { at: performance.now(), calls: await calls() };
    await pause(WINDOW_MS);
    perSecond.push(((await calls()) - before.calls) / ((performance.now() - before.at) / 1000));
  }
  const resident = operators.map(({ pid }) => memoryOf(pid).resident / MIB);
  const written = await writesOf(operators);
  const startedAt = performance.now();
  await bench.cloud.call('moveTo', 'progressed');
  await until('the changes', 100, DEADLINE_MS, async () => (await writesOf(operators)) - written >= count);
  const changed = count / ((performance.now() - startedAt) / 1000);
  const title = operators.length === 1 ? '1 replica' : `${operators.length} replicas`;
  return [
    {
      what: `${title}: polls`,
      unit: '/s',
      values: perSecond,
      against: { what: 'their budget', values: [BUDGET.requestsPerSecond] },
      // A bucket that is full for a moment may give a little more than its rate in a short window.
      goal: { atMost: 1.05 },
    },
    { what: `${title}: changed statuses`, unit: '/s', values: [changed] },
    { what: `${title}: resident, each`, unit: 'MiB', values: resident },
  ];
}

/** Seconds until that many replicas have all shards, from when one of them is to stop. */
async function goes(
  cluster: BenchCluster,
  left: number,
  go: (() => Promise<void>) | undefined,
): Promise<number> {
  const startedAt = performance.now();
  const gone = go?.();
  await balanced(cluster, left);
  const seconds = (performance.now() - startedAt) / 1000;
  await gone;
  return seconds;
}

/** One that has all shards is joined by another, and killed when both have their share. */
async function killedAlone(bench: Bench, cluster: BenchCluster, kubeconfig: string): Promise<number> {
  const joined = await bench.replica(kubeconfig, { polling: POLLING, budget: BUDGET }, [
    `--shards=${SHARDS}`,
  ]);
  await balanced(cluster, 2);
  return goes(cluster, 1, joined.kill);
}
