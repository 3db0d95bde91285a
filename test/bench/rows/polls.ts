import type { Row } from '../bench.js';
import { startChild } from '../child.js';
import { jobIDOf } from '../fleet.js';
import { SANDBOX_PROJECT_ID } from '../../../src/sandbox/cce/accounts.js';
import { cpuMs } from '../usage.js';
import { pause, until } from '../wait.js';

const SETTLE_MS = 120_000;
/** 1 ms on a machine where a bare call takes 0.22 ms; others are slower or faster. */
const MOST_BARE_CALLS = 4.5;

/** CPU time of a poll that finds nothing new, beside that of a bare call at the same rate. */
export const polls: Row = {
  name: 'polls',
  gate: true,
  async run(bench) {
    const everySeconds = bench.quick ? 2 : 5;
    const count = bench.quick ? 400 : 2_000;
    const windows = bench.quick ? 2 : 5;
    const windowMs = bench.quick ? 2_000 : 10_000;
    await bench.cloud.call('hold', count);
    await bench.cloud.call('moveTo', 'running');
    await bench.shelf.call('show', { running: count });
    const cloudURL = await bench.cloud.call<string>('url');
    const calls = (): Promise<number> => bench.cloud.call<number>('calls');
    const callsThen = await calls();

    // Both run in the same windows, so that what else the machine does slows them alike.
    const bare = startChild('./bareProcess.js');
    const urls = Array.from(
      { length: count },
      (_, index) => `${cloudURL}/api/v3/projects/${SANDBOX_PROJECT_ID}/jobs/${jobIDOf(index)}`,
    );
    const kubeconfig = await bench.plainKubeconfig(await bench.shelf.call<string>('url'));
    const polling = { minSeconds: everySeconds, maxSeconds: everySeconds };
    const operator = await bench.operator(kubeconfig, { polling });
    await bare.call('start', { urls, perSecond: count / everySeconds });
    const usage = async () => {
      const bareCalls = await bare.call<number>('calls');
      return {
        bare: { calls: bareCalls, cpu: cpuMs(bare.pid) },
        operator: { calls: (await calls()) - bareCalls - callsThen, cpu: cpuMs(operator.pid) },
      };
    };
    await until('two polls of each job', 100, SETTLE_MS, async () => {
      const seen = await usage();
      return Math.min(seen.bare.calls, seen.operator.calls) >= 2 * count;
    });
    const values: number[] = [];
    const bareValues: number[] = [];
    while (values.length < windows) {
      const before = await usage();
      await pause(windowMs);
      const after = await usage();
      const perCall = (who: 'bare' | 'operator'): number =>
        (after[who].cpu - before[who].cpu) / (after[who].calls - before[who].calls);
      values.push(perCall('operator'));
      bareValues.push(perCall('bare'));
    }
    await bench.stopOperator();
    await bare.stop();
    const perSecond = count / everySeconds;
    return [
      { what: `CPU of a poll, ${perSecond} a second`, unit: 'ms', values },
      {
        what: 'beside a bare call',
        unit: 'ms',
        values,
        against: { what: 'a bare call', values: bareValues },
        goal: { atMost: MOST_BARE_CALLS },
        gate: { atMost: 8 },
      },
    ];
  },
};
