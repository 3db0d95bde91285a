import type { Bench, Row } from '../bench.js';
import { BenchCluster } from '../cluster.js';
import type { Figure } from '../figure.js';
import { startTwin, unpackTwin, whyNoTwin, type Process } from '../goTwin.js';
import { StatusWatch } from '../statusWatch.js';
import { cpuMs, memoryOf } from '../usage.js';
import { pause, until } from '../wait.js';

const MIB = 1024 * 1024;
const RUNS = 3;
const DEADLINE_MS = 300_000;
/** The least of the first statuses per second, of the twin's. */
const LEAST_SHARE = 0.8;

/** One number for each run. */
interface Measured {
  readonly perSecond: number[];
  readonly firstCpu: number[];
  readonly pollCpu: number[];
  readonly resident: number[];
}

interface Size {
  readonly count: number;
  readonly pollSeconds: number;
  readonly windowMs: number;
}

/**
 * The operator beside a controller of the same job in Go on client-go, one after the other on one control plane, with as
 * many polls: all CloudJobs get their first status, then nothing changes.
 */
export const twin: Row = {
  name: 'twin',
  writes: true,
  async run(bench) {
    const skipped = bench.isReal ? whyNoTwin() : 'it needs a real control plane';
    if (skipped !== undefined) return { skipped };
    const size: Size = bench.quick
      ? { count: 300, pollSeconds: 2, windowMs: 4_000 }
      : { count: 2_000, pollSeconds: 5, windowMs: 15_000 };
    const program = unpackTwin(bench.folder);
    const kubeconfigFile = await bench.kubeconfig();
    const cloudURL = await bench.cloud.call<string>('url');
    const cluster = await BenchCluster.open(kubeconfigFile);
    await bench.cloud.call('hold', size.count);
    await bench.cloud.call('moveTo', 'running');
    const sides = [
      { name: 'the operator', start: () => bench.operator(kubeconfigFile), measured: noneYet() },
      {
        name: 'the Go twin',
        start: () => startTwin(program, { kubeconfigFile, cloudURL, pollSeconds: size.pollSeconds }),
        measured: noneYet(),
      },
    ] as const;
    await cluster.relaxProgress();
    try {
      for (let run = 0; run < (bench.quick ? 1 : RUNS); run += 1) {
        // Each goes first in turn: machines are faster at one time than at another.
        for (const { name, start, measured } of run % 2 === 0 ? sides : sides.toReversed()) {
          bench.progress(`run ${run + 1}: ${name}`);
          await measure(bench, cluster, start, size, measured);
        }
      }
    } finally {
      await bench.stopOperator();
      await cluster.clear();
      await cluster.restoreCrd();
      cluster.close();
    }
    const [{ measured: operator }, { measured: go }] = sides;
    return figures(operator, go);
  },
};

function noneYet(): Measured {
  return { perSecond: [], firstCpu: [], pollCpu: [], resident: [] };
}

async function measure(
  bench: Bench,
  cluster: BenchCluster,
  start: () => Process | Promise<Process>,
  { count, pollSeconds, windowMs }: Size,
  measured: Measured,
): Promise<void> {
  await cluster.clear();
  await cluster.create(0, count, { pollIntervalSeconds: pollSeconds });
  const watch = await StatusWatch.open(cluster.client);
  const side = await start();
  try {
    await until('the first status', 1, DEADLINE_MS, () => watch.count > 0);
    const first = { at: performance.now(), cpu: cpuMs(side.pid), count: watch.count };
    await until(`${count} statuses`, 5, DEADLINE_MS, () => watch.count === count);
    const statuses = count - first.count;
    measured.perSecond.push(statuses / ((performance.now() - first.at) / 1000));
    measured.firstCpu.push((cpuMs(side.pid) - first.cpu) / statuses);

    const calls = (): Promise<number> => bench.cloud.call<number>('calls');
    const callsThen = await calls();
    // What the first round left to do is done by then.
    await until('two polls of each', 100, DEADLINE_MS, async () => (await calls()) - callsThen >= 2 * count);
    const before = { cpu: cpuMs(side.pid), calls: await calls() };
    await pause(windowMs);
    measured.pollCpu.push((cpuMs(side.pid) - before.cpu) / ((await calls()) - before.calls));
    measured.resident.push(memoryOf(side.pid).resident / MIB);
  } finally {
    watch.close();
    await side.stop();
  }
}

function figures(operator: Measured, go: Measured): Figure[] {
  const beside = (values: readonly number[]) => ({ what: 'Go twin', values });
  return [
    {
      what: 'first statuses',
      unit: '/s',
      values: operator.perSecond,
      against: beside(go.perSecond),
      goal: { atLeast: LEAST_SHARE },
    },
    { what: 'CPU of a first status', unit: 'ms', values: operator.firstCpu, against: beside(go.firstCpu) },
    { what: 'CPU of an idle poll', unit: 'ms', values: operator.pollCpu, against: beside(go.pollCpu) },
    {
      what: 'resident while polling',
      unit: 'MiB',
      values: operator.resident,
      against: beside(go.resident),
    },
  ];
}
