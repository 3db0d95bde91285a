import type { Bench, Row } from '../bench.js';
import { summarise, type Figure } from '../figure.js';
import { cpuMs, memoryOf } from '../usage.js';
import { pause, until } from '../wait.js';

const MIB = 1024 * 1024;
const SETTLE_MS = 300_000;
/** What Node may be started with, from nothing to all. */
const VARIANTS: readonly (readonly string[])[] = [
  [],
  ['--max-semi-space-size=8'],
  ['--max-semi-space-size=8', '--heap-growing-percent=30'],
];

interface Taken {
  /** Of the operator, in MiB. */
  readonly resident: readonly number[];
  /** CPU time of a poll, in milliseconds. */
  readonly cpu: readonly number[];
}

/** What the flags of the heap save and cost: memory with many active CloudJobs, and CPU of their polls. */
export const nodeFlags: Row = {
  name: 'flags',
  async run(bench) {
    const count = bench.quick ? 2_000 : 10_000;
    await bench.cloud.call('hold', count);
    await bench.cloud.call('moveTo', 'running');
    await bench.shelf.call('show', { running: count });
    const figures: Figure[] = [];
    for (const variant of VARIANTS) {
      const { resident, cpu } = await take(bench, count, variant);
      const name = variant.length === 0 ? 'no flag' : variant.join(' ');
      figures.push({ what: `${name}: resident with ${count} active`, unit: 'MiB', values: resident });
      figures.push({ what: `${name}: CPU of a poll`, unit: 'ms', values: cpu });
    }
    return figures;
  },
};

async function take(bench: Bench, count: number, variant: readonly string[]): Promise<Taken> {
  const calls = (): Promise<number> => bench.cloud.call<number>('calls');
  const kubeconfig = await bench.plainKubeconfig(await bench.shelf.call<string>('url'));
  const before = await calls();
  const polling = { minSeconds: 30, maxSeconds: 60 };
  const operator = await bench.operator(kubeconfig, { polling }, variant);
  await until('two polls of each job', 200, SETTLE_MS, async () => (await calls()) - before >= 2 * count);
  const resident: number[] = [];
  const cpu: number[] = [];
  while (cpu.length < (bench.quick ? 2 : 5)) {
    const [callsThen, cpuThen] = [await calls(), cpuMs(operator.pid)];
    await pause(bench.quick ? 2_000 : 6_000);
    cpu.push((cpuMs(operator.pid) - cpuThen) / ((await calls()) - callsThen));
    resident.push(memoryOf(operator.pid).resident / MIB);
  }
  await bench.stopOperator();
  // Whatever ended meanwhile says so here.
  if (summarise(cpu).median <= 0) throw new Error('no CPU time was counted');
  return { resident, cpu };
}
