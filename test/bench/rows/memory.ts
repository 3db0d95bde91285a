import type { Bench, Row } from '../bench.js';
import { summarise, type Figure } from '../figure.js';
import type { Moment } from '../fleet.js';
import { memoryOf } from '../usage.js';
import { pause, until } from '../wait.js';

const MIB = 1024 * 1024;
const SAMPLES = 20;
const SAMPLE_MS = 500;
const SETTLE_MS = 300_000;

type Count = Partial<Record<Extract<Moment, 'running' | 'succeeded'>, number>>;

interface Taken {
  /** MiB, one for each sample. */
  readonly resident: readonly number[];
  readonly peak: number;
}

/** Resident memory with that many CloudJobs, while the unfinished ones are polled; and what one of them costs. */
export const memory: Row = {
  name: 'memory',
  async run(bench) {
    const many = bench.quick ? 2_000 : 10_000;
    const empty = await take(bench, {});
    const few = await take(bench, { running: 1_000 });
    const active = await take(bench, { running: many });
    const finished = await take(bench, { succeeded: 10 * many });
    const json = await bench.shelf.call<string>('sample', 'running');
    const full = !bench.quick;
    return [
      resident('no CloudJobs', empty),
      resident('1,000 active', few),
      { ...resident(`${many} active`, active), ...(full && { goal: { atMost: 220 } }) },
      peak(`${many} active, the most`, active),
      { ...resident(`${10 * many} finished`, finished), ...(full && { goal: { atMost: 300 } }) },
      peak(`${10 * many} finished, the most`, finished),
      {
        what: 'per active CloudJob beyond 1,000',
        unit: 'KB',
        values: perObject(few, active, many - 1_000),
      },
      { what: 'JSON of an active CloudJob as served', unit: 'KB', values: [json.length / 1000] },
      { what: 'per finished CloudJob', unit: 'KB', values: perObject(empty, finished, 10 * many) },
    ];
  },
};

function resident(what: string, { resident: values }: Taken): Figure {
  return { what: `resident with ${what}`, unit: 'MiB', values };
}

function peak(what: string, taken: Taken): Figure {
  return { what: `resident with ${what}`, unit: 'MiB', values: [taken.peak] };
}

function perObject(empty: Taken, full: Taken, count: number): number[] {
  const base = summarise(empty.resident).median;
  return full.resident.map((mib) => ((mib - base) * MIB) / 1000 / count);
}

async function take(bench: Bench, count: Count): Promise<Taken> {
  const { running = 0, succeeded = 0 } = count;
  await bench.cloud.call('hold', running);
  await bench.cloud.call('moveTo', 'running');
  await bench.shelf.call('show', count);
  const before = await bench.cloud.call<number>('calls');
  const kubeconfig = await bench.plainKubeconfig(await bench.shelf.call<string>('url'));
  const operator = await bench.operator(kubeconfig, { polling: { minSeconds: 30, maxSeconds: 60 } });
  await until('a poll of each job', 200, SETTLE_MS, async () => {
    const polled = (await bench.cloud.call<number>('calls')) - before >= running;
    return polled && (await operator.metric('workqueue_depth')) === 0;
  });
  await until('a pass over each finished job', 200, SETTLE_MS, async () => {
    return (await operator.metric('controller_runtime_reconcile_total')) >= succeeded;
  });
  const samples: number[] = [];
  while (samples.length < (bench.quick ? 4 : SAMPLES)) {
    await pause(SAMPLE_MS);
    // Says why, should it have ended.
    await operator.metric('workqueue_depth');
    samples.push(memoryOf(operator.pid).resident / MIB);
  }
  const { peak: most } = memoryOf(operator.pid);
  await bench.stopOperator();
  const writes = await bench.shelf.call<number>('writes');
  if (writes > 0) throw new Error(`${writes} writes, though nothing has changed`);
  return { resident: samples, peak: most / MIB };
}
