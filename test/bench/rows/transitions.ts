import type { Bench, Row } from '../bench.js';
import { BenchCluster } from '../cluster.js';
import type { Figure } from '../figure.js';
import { statusOf } from '../fleet.js';
import type { Operator } from '../operator.js';
import { cpuMs } from '../usage.js';
import { until } from '../wait.js';

const DEADLINE_MS = 120_000;
/** Reading all metrics takes the operator milliseconds: as seldom as the figures allow. */
const EVERY_MS = 1_000;
const CLOUD_JOBS = 5_000;
const POLLING = { minSeconds: 5, maxSeconds: 5 };
/** Few CloudJobs would be over before a poll of each was due. */
const QUICK_POLLING = { minSeconds: 1, maxSeconds: 1 };

/** One number for each run. */
interface Measured {
  readonly bareFirst: number[];
  readonly bareChange: number[];
  readonly sameFirst: number[];
  readonly sameChange: number[];
  readonly first: number[];
  readonly firstCpu: number[];
  readonly change: number[];
}

/**
 * How many statuses a second get from the cloud's answer into the cluster, beside two bare loops that write the same
 * statuses into as many CloudJobs through the same transport, one with patches as most clients do and one with the updates
 * that the operator makes: first all CloudJobs at once, as after a long absence, then a change of every job.
 */
export const transitions: Row = {
  name: 'transitions',
  writes: true,
  gate: true,
  async run(bench) {
    const count = bench.quick ? 300 : CLOUD_JOBS;
    const runs = bench.quick ? 1 : 4;
    const kubeconfig = await bench.kubeconfig();
    const cluster = await BenchCluster.open(kubeconfig);
    const measured: Measured = {
      bareFirst: [],
      bareChange: [],
      sameFirst: [],
      sameChange: [],
      first: [],
      firstCpu: [],
      change: [],
    };
    await bench.cloud.call('hold', count);
    const sides = [
      { name: 'the operator', measure: () => followAll(bench, kubeconfig, count, measured) },
      { name: 'a loop of patches', measure: () => patchAll(cluster, count, measured) },
      { name: 'a loop of updates', measure: () => updateAll(cluster, count, measured) },
    ];
    for (let run = 0; run < runs; run += 1) {
      // Each goes first in turn: machines are faster at one time than at another.
      for (const { name, measure } of run % 2 === 0 ? sides : sides.toReversed()) {
        bench.progress(`run ${run + 1} of ${runs}: ${name}`);
        await cluster.clear();
        await cluster.create(0, count);
        await measure();
      }
    }
    await cluster.clear();
    cluster.close();
    return figures(measured, count);
  },
};

async function followAll(bench: Bench, kubeconfig: string, count: number, measured: Measured): Promise<void> {
  await bench.cloud.call('moveTo', 'running');
  const operator = await bench.operator(kubeconfig, { polling: bench.quick ? QUICK_POLLING : POLLING });
  const readyAt = performance.now();
  const cpuAtReady = cpuMs(operator.pid);
  // While it lists the CloudJobs, it begins with the first of them.
  const left = count - (await operator.metric('cloudjob_status_writes_total'));
  await writes(operator, count);
  measured.first.push(left / ((performance.now() - readyAt) / 1000));
  measured.firstCpu.push((cpuMs(operator.pid) - cpuAtReady) / left);

  await bench.cloud.call('moveTo', 'progressed');
  const changedAt = performance.now();
  await writes(operator, 2 * count);
  measured.change.push(count / ((performance.now() - changedAt) / 1000));
  await bench.stopOperator();
}

async function patchAll(cluster: BenchCluster, count: number, measured: Measured): Promise<void> {
  measured.bareFirst.push(await cluster.patch(0, count, (index) => statusOf(index, 'running')));
  measured.bareChange.push(await cluster.patch(0, count, (index) => statusOf(index, 'progressed')));
}

async function updateAll(cluster: BenchCluster, count: number, measured: Measured): Promise<void> {
  measured.sameFirst.push(await cluster.update(0, count, (index) => statusOf(index, 'running')));
  measured.sameChange.push(await cluster.update(0, count, (index) => statusOf(index, 'progressed')));
}

async function writes(operator: Operator, count: number): Promise<void> {
  await until(`${count} statuses`, EVERY_MS, DEADLINE_MS, async () => {
    return (await operator.metric('cloudjob_status_writes_total')) >= count;
  });
}

function figures(measured: Measured, count: number): Figure[] {
  const { first, change } = measured;
  const goal = { atLeast: 0.85 };
  const gate = { atLeast: 0.1 };
  const patches = (values: readonly number[]) => ({ what: 'bare patch loop', values });
  const updates = (values: readonly number[]) => ({ what: "bare loop of the operator's updates", values });
  const firsts = { what: `first statuses, ${count} CloudJobs`, unit: '/s', values: first };
  const changes = { what: `changed statuses, ${count} CloudJobs`, unit: '/s', values: change };
  return [
    { ...firsts, against: patches(measured.bareFirst), goal, gate },
    { ...changes, against: patches(measured.bareChange), goal, gate },
    { ...firsts, against: updates(measured.sameFirst) },
    { ...changes, against: updates(measured.sameChange) },
    { what: 'CPU of a first status', unit: 'ms', values: measured.firstCpu },
  ];
}
