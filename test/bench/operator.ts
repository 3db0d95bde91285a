import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageFlags } from '../support/image.js';
import { until } from './wait.js';

/** The operator as users run it: `node dist/main.js run …`, in a process of its own. */
export interface Operator {
  readonly pid: number;
  /** Milliseconds from its start until `/readyz` said yes. */
  readonly readyMs: number;
  /** The sum of a metric over all its labels. */
  metric(name: string): Promise<number>;
  readonly stop: () => Promise<void>;
  /** As a crash: it can say good-bye to nobody. */
  readonly kill: () => Promise<void>;
}

export interface OperatorOptions {
  /** Where its files are put. */
  readonly folder: string;
  readonly kubeconfigFile: string;
  readonly cloudURL: string;
  readonly config?: object;
  /** Beside those that every run has. */
  readonly flags?: readonly string[];
  /** What Node is started with; left out: as in the image. */
  readonly nodeFlags?: readonly string[] | undefined;
}

/** Of the build that is measured: this one, or another to compare it with. */
const MAIN =
  process.env['CLOUDJOB_BENCH_OPERATOR'] ?? fileURLToPath(new URL('../../../main.js', import.meta.url));
/** The checkout that it was built in, with its Dockerfile and its sources. */
export const OPERATOR_ROOT = join(dirname(MAIN), '..');
const READY_MS = 300_000;
const METRICS_MS = 60_000;

/** Starts it over all namespaces, with a budget that is out of the way, and waits until it is ready. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const configFile = join(options.folder, 'config.json');
  const config = {
    regions: { lab: { cce: options.cloudURL, iam: options.cloudURL } },
    budget: { requestsPerSecond: 1_000, burst: 1_000 },
    ...options.config,
  };
  writeFileSync(configFile, JSON.stringify(config));
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [
      // What is measured is what is shipped.
      ...(options.nodeFlags ?? imageFlags(OPERATOR_ROOT)),
      MAIN,
      'run',
      '--kubeconfig',
      options.kubeconfigFile,
      '--config',
      configFile,
      '--http-port=0',
      ...(options.flags ?? []),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], NODE_ENV: 'production' } },
  );
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const log: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log.push(text);
    if (log.length > 20) log.splice(1, 1);
  });
  const alive = (): void => {
    if (child.exitCode === null && child.signalCode === null) return;
    throw new Error(`the operator ended (${child.exitCode ?? child.signalCode}):\n${log.join('')}`);
  };
  const port = await until('the operator to listen', 20, READY_MS, () => {
    alive();
    return Number(/"port":\s*(\d+)/.exec(log.slice(0, 5).join(''))?.[1] ?? 0);
  });
  const read = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  await until('the operator to be ready', 5, READY_MS, async () => {
    alive();
    // A kept connection may end while it is too busy to answer.
    return read('/readyz').then(
      ({ ok }) => ok,
      () => false,
    );
  });
  const readyMs = performance.now() - startedAt;
  return {
    pid: child.pid ?? 0,
    readyMs,
    async metric(name) {
      // A kept connection may end while it is too busy to answer, or because it has ended.
      const text = await until('the metrics', 100, METRICS_MS, () => {
        alive();
        return read('/metrics').then(
          (response) => response.text(),
          () => undefined,
        );
      });
      let sum = 0;
      for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))) {
        sum += Number(value);
      }
      return sum;
    },
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
