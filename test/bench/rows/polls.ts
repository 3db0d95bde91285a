import type { Row } from '../bench.js';
import { startChild } from '../child.js';
import { jobIDOf } from '../fleet.js';
import { SANDBOX_PROJECT_ID } from '../../../src/sandbox/cce/accounts.js';
import { cpuMs } from '../usage.js';
import { pause, until } from '../wait.js';

const EVERY_SECONDS = 5;
const SETTLE_MS = 120_000;

/** CPU time of a poll that finds nothing new, beside that of a bare call at the same rate. */
export const polls: Row = {
  name: 'polls',
  quick: true,
  async run(bench) {
    const count = bench.quick ? 1_000 : 2_000;
    const windows = bench.quick ? 2 : 5;
    const windowMs = bench.quick ? 3_000 : 10_000;
    await bench.cloud.call('hold', count);
    await bench.cloud.call('moveTo', 'running');
    await bench.shelf.call('show', { running: count });
    const cloudURL = await bench.cloud.call<string>('url');
    const calls = (): Promise<number> => bench.cloud.call<number>('calls');

    async function measure(pid: number): Promise<number[]> {
      const perCall: number[] = [];
      while (perCall.length < windows) {
        const before = { cpu: cpuMs(pid), calls: await calls() };
        await pause(windowMs);
        perCall.push((cpuMs(pid) - before.cpu) / ((await calls()) - before.calls));
      }
      return perCall;
    }

    const bare = startChild('./bareProcess.js');
    const urls = Array.from(
      { length: count },
      (_, index) => `${cloudURL}/api/v3/projects/${SANDBOX_PROJECT_ID}/jobs/${jobIDOf(index)}`,
    );
    await bare.call('start', { urls, perSecond: count / EVERY_SECONDS });
    await until(
      'each job to be asked for',
      100,
      SETTLE_MS,
      async () => (await bare.call<number>('calls')) >= count,
    );
    const bareCalls = await measure(bare.pid);
    await bare.stop();

    const asked = await calls();
    const kubeconfig = await bench.plainKubeconfig(await bench.shelf.call<string>('url'));
    const polling = { minSeconds: EVERY_SECONDS, maxSeconds: EVERY_SECONDS };
    const operator = await bench.operator(kubeconfig, { polling });
    await until('two looks at each job', 100, SETTLE_MS, async () => (await calls()) - asked >= 2 * count);
    const values = await measure(operator.pid);
    await bench.stopOperator();
    return [
      {
        what: `CPU of a poll, ${count / EVERY_SECONDS} a second`,
        unit: 'ms',
        values,
        against: { what: 'a bare call', values: bareCalls },
        goal: { atMost: 2 },
      },
    ];
  },
};
