import type { Bench, Row } from '../bench.js';
import { BenchCluster } from '../cluster.js';
import type { Figure } from '../figure.js';
import { statusOf } from '../fleet.js';
import { GO } from '../go.js';
import type { Operator } from '../operator.js';
import { cpuMs, memoryOf } from '../usage.js';
import { pause, until } from '../wait.js';

const DEADLINE_MS = 120_000;
/** Reading all metrics takes the operator milliseconds: as seldom as the figures allow. */
const EVERY_MS = 1_000;
const MIB = 1024 * 1024;
/** A look every five seconds, as the controller that this is compared with makes them. */
const POLLING = { minSeconds: 5, maxSeconds: 5 };
/** Few CloudJobs would be over before a look of each was due. */
const QUICK_POLLING = { minSeconds: 1, maxSeconds: 1 };

/** One number for each run. */
interface Measured {
  readonly bareFirst: number[];
  readonly bareChange: number[];
  readonly sameFirst: number[];
  readonly sameChange: number[];
  readonly empty: number[];
  readonly first: number[];
  readonly firstCpu: number[];
  readonly firstResident: number[];
  readonly change: number[];
  readonly pollCpu: number[];
  readonly pollResident: number[];
}

/**
 * How many statuses a second get from the cloud's answer into the cluster, beside two bare loops that write the same
 * statuses into as many CloudJobs through the same transport, one with patches as most clients do and one with the updates
 * that the operator makes: first all CloudJobs at once, as after a long absence, then a
 * change of every job. And what that takes, beside the same of a controller in Go.
 */
export const transitions: Row = {
  name: 'transitions',
  gate: true,
  async run(bench) {
    const count = bench.quick ? 300 : GO.cloudJobs;
    const runs = bench.quick ? 1 : 4;
    const kubeconfig = await bench.kubeconfig();
    const cluster = await BenchCluster.open(kubeconfig);
    const measured: Measured = {
      bareFirst: [],
      bareChange: [],
      sameFirst: [],
      sameChange: [],
      empty: [],
      first: [],
      firstCpu: [],
      firstResident: [],
      change: [],
      pollCpu: [],
      pollResident: [],
    };
    await bench.cloud.call('hold', count);
    const sides = [
      { name: 'the operator', measure: () => followAll(bench, kubeconfig, count, measured) },
      { name: 'a loop of patches', measure: () => patchAll(cluster, count, measured) },
      { name: 'a loop of updates', measure: () => updateAll(cluster, count, measured) },
    ];
    for (let run = 0; run < runs; run += 1) {
      await cluster.clear();
      if (!bench.quick) measured.empty.push(await emptyResident(bench, kubeconfig));
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
    return [...figures(measured, count), ...(bench.quick ? [] : besideGo(measured))];
  },
};

async function emptyResident(bench: Bench, kubeconfig: string): Promise<number> {
  const operator = await bench.operator(kubeconfig, { polling: POLLING });
  await pause(3_000);
  const { resident } = memoryOf(operator.pid);
  await bench.stopOperator();
  return resident / MIB;
}

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
  measured.firstResident.push(memoryOf(operator.pid).resident / MIB);

  const calls = (): Promise<number> => bench.cloud.call<number>('calls');
  if (!bench.quick) {
    // A round of looks, so that what the first one left to do is done.
    const asked = await calls();
    await until('a round of looks', EVERY_MS, DEADLINE_MS, async () => (await calls()) - asked > 2 * count);
    const before = { cpu: cpuMs(operator.pid), calls: await calls() };
    await pause(15_000);
    measured.pollCpu.push((cpuMs(operator.pid) - before.cpu) / ((await calls()) - before.calls));
    measured.pollResident.push(memoryOf(operator.pid).resident / MIB);
  }

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
  ];
}

function besideGo(measured: Measured): Figure[] {
  const { first, bareFirst, bareChange } = measured;
  const than = (value: number, goal: NonNullable<Figure['goal']>) => ({
    against: { what: GO.name, values: [value] },
    goal,
  });
  const less = (value: number) => than(value, { atMost: 1 });
  const more = (value: number) => than(value, { atLeast: 1 });
  const shareOf = (pass: readonly number[]): number[] =>
    first.map((perSecond, run) => perSecond / (pass[run] ?? NaN));
  return [
    { what: 'first statuses', unit: '/s', values: first, ...more(GO.firstPerSecond) },
    {
      what: "share of the bare loop's first pass",
      unit: '',
      values: shareOf(bareFirst),
      ...more(GO.ofFirstPass),
    },
    {
      what: "share of the bare loop's second pass",
      unit: '',
      values: shareOf(bareChange),
      ...more(GO.ofSecondPass),
    },
    { what: 'CPU of a first status', unit: 'ms', values: measured.firstCpu, ...less(GO.firstCpuMs) },
    { what: 'CPU of an idle poll', unit: 'ms', values: measured.pollCpu, ...less(GO.pollCpuMs) },
    {
      what: 'resident after the first round',
      unit: 'MB',
      values: mb(measured.firstResident),
      ...less(GO.firstResidentMB),
    },
    {
      what: 'resident while polling',
      unit: 'MB',
      values: mb(measured.pollResident),
      ...less(GO.pollResidentMB),
    },
    { what: 'resident when empty', unit: 'MB', values: mb(measured.empty), ...less(GO.emptyResidentMB) },
  ];
}

function mb(mib: readonly number[]): number[] {
  return mib.map((value) => (value * MIB) / 1e6);
}
