import type { Row } from '../bench.js';
import { BenchCluster } from '../cluster.js';
import { statusOf } from '../fleet.js';
import type { Operator } from '../operator.js';
import { cpuMs, memoryOf } from '../usage.js';
import { until } from '../wait.js';

const DEADLINE_MS = 600_000;
const EVERY_MS = 100;
/** A look every five seconds, as the controller that this is compared with makes them. */
const POLLING = { minSeconds: 5, maxSeconds: 5 };

/**
 * How many statuses a second get from the cloud's answer into the cluster, beside a bare loop that patches the same
 * statuses into as many CloudJobs through the same transport: first all CloudJobs at once, as after a long absence, then a
 * change of every job.
 */
export const transitions: Row = {
  name: 'transitions',
  quick: false,
  async run(bench) {
    const count = bench.quick ? 300 : 2_000;
    const runs = bench.quick ? 1 : 3;
    const kubeconfig = await bench.kubeconfig();
    const cluster = await BenchCluster.open(kubeconfig);
    const figures: Record<'first' | 'bareFirst' | 'change' | 'bareChange' | 'cpu' | 'resident', number[]> = {
      first: [],
      bareFirst: [],
      change: [],
      bareChange: [],
      cpu: [],
      resident: [],
    };
    await bench.cloud.call('hold', count);
    for (let run = 0; run < runs; run += 1) {
      await cluster.clear();
      await cluster.create(0, count);
      figures.bareFirst.push(await cluster.patch(0, count, (index) => statusOf(index, 'running')));
      figures.bareChange.push(await cluster.patch(0, count, (index) => statusOf(index, 'progressed')));
      await cluster.clear();
      await cluster.create(0, count);

      await bench.cloud.call('moveTo', 'running');
      const startedAt = performance.now();
      const operator = await bench.operator(kubeconfig, { polling: POLLING });
      const ready = performance.now();
      const cpu = cpuMs(operator.pid);
      await writes(operator, count);
      figures.first.push(
        count / ((performance.now() - Math.min(ready, startedAt + operator.readyMs)) / 1000),
      );
      figures.cpu.push((cpuMs(operator.pid) - cpu) / count);
      figures.resident.push(memoryOf(operator.pid).resident / 1024 / 1024);

      await bench.cloud.call('moveTo', 'progressed');
      const changedAt = performance.now();
      await writes(operator, 2 * count);
      figures.change.push(count / ((performance.now() - changedAt) / 1000));
      await bench.stopOperator();
    }
    await cluster.clear();
    cluster.close();
    return [
      {
        what: `first statuses, ${count} CloudJobs`,
        unit: '/s',
        values: figures.first,
        against: { what: 'bare patch loop', values: figures.bareFirst },
        goal: { atLeast: 0.85 },
      },
      {
        what: `changed statuses, ${count} CloudJobs`,
        unit: '/s',
        values: figures.change,
        against: { what: 'bare patch loop', values: figures.bareChange },
        goal: { atLeast: 0.85 },
      },
      { what: 'CPU of a first status', unit: 'ms', values: figures.cpu },
      { what: `resident after ${count} first statuses`, unit: 'MiB', values: figures.resident },
    ];
  },
};

async function writes(operator: Operator, count: number): Promise<void> {
  await until(`${count} statuses`, EVERY_MS, DEADLINE_MS, async () => {
    return (await operator.metric('cloudjob_status_writes_total')) >= count;
  });
}
