import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { UsageError } from '../commandLine.js';
import { startCce } from './cce/server.js';
import type { RunningCce } from './cce/server.js';
import { loadClusterAccess } from '../kube/access/kubeconfig.js';
import { Cluster } from './cluster.js';
import { playDemo } from './demo.js';
import { errorText } from '../errorText.js';
import { chooseKube } from './kubeChoice.js';
import type { ChosenKube } from './kubeChoice.js';
import { SANDBOX_HELP, readSandboxOptions } from './options.js';
import type { SandboxOptions } from './options.js';
import { DEMO_NAMESPACE, DEMO_REGION, samples } from './samples.js';
import type { Settings } from '../settings/settings.js';
import { makePaint } from '../terminal/paint.js';
import type { Paint } from '../terminal/paint.js';
import { usageLines } from './usage.js';
import { onAbort, untilAborted, withDeadline } from '../signals.js';

/** The options of the operator's run. */
export interface SandboxOperatorOptions {
  /** Path of a kubeconfig. */
  readonly kubeconfig: string;
  /** The content of the operator's config file. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The namespaces to watch: on a borrowed cluster only that of the samples; empty for all. */
  readonly namespaces: readonly string[];
  readonly httpPort: number;
  readonly logLevel: Settings['logLevel'];
}

/** A process's standard output or error. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface SandboxDeps {
  /** Runs until the signal aborts; rejects when it cannot. Logs to standard error. */
  runOperator(options: SandboxOperatorOptions, signal: AbortSignal): Promise<void>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Left out: the real one. */
  readonly clock?: Clock;
}

/** How long the demo may take from the first CloudJob on. */
const DEMO_DEADLINE_MS = 60_000;
/** How long one clean-up step may take. */
const CLEAN_UP_DEADLINE_MS = 15_000;
/** For clean-up, which an interruption must not stop. */
const NEVER = new AbortController().signal;

/**
 * `cloudjob-operator sandbox`: a Kubernetes API, a simulated CCE, and the operator between them.
 * Resolves with the process's exit code: 0, 1 when something does not work, 2 for a bad flag, 130 when the demo was
 * interrupted. It always cleans up what it started.
 */
export async function runSandbox(argv: readonly string[], deps: SandboxDeps): Promise<number> {
  const cleanUps = new CleanUps(deps.clock ?? systemClock, deps.stderr);
  try {
    const options = readSandboxOptions(argv);
    if (options.help) {
      deps.stdout.write(SANDBOX_HELP);
      return 0;
    }
    return await play(options, deps, cleanUps);
  } catch (error) {
    if (deps.signal.aborted) return 130;
    deps.stderr.write(`sandbox: ${errorText(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    await cleanUps.run();
  }
}

async function play(options: SandboxOptions, deps: SandboxDeps, cleanUps: CleanUps): Promise<number> {
  const { signal, clock = systemClock } = deps;
  const colours = deps.stdout.isTTY === true && (deps.env['NO_COLOR'] ?? '') === '';
  const paint = makePaint(colours);
  const print = (line: string): void => void deps.stdout.write(`${line}\n`);

  const folder = await mkdtemp(join(tmpdir(), 'cloudjob-sandbox-'));
  cleanUps.add('the temporary folder', () => rm(folder, { recursive: true, force: true }));
  const ccePort = options.ccePort === undefined ? {} : { port: options.ccePort };
  const cce = await startCce({ clock, speed: options.speed, seed: options.seed, ...ccePort });
  cleanUps.add('the simulated CCE', () => cce.close());
  const kube = await chooseKube(options, deps.env['KUBEBUILDER_ASSETS'], folder, signal);
  cleanUps.add('the Kubernetes API', () => kube.close());

  const cluster = new Cluster(await loadClusterAccess(kube.kubeconfigPath, clock), clock);
  cleanUps.add('the connections to the Kubernetes API', async () => cluster.close());
  if (kube.borrowed) {
    cleanUps.add('the samples', async (late) => {
      for (const problem of await cluster.cleanUp(late)) deps.stderr.write(`sandbox: ${problem}\n`);
    });
  }
  await cluster.installCrd(signal);
  await cluster.prepareNamespace(signal);
  print(`Kubernetes API: ${kube.what}`);
  print(`Simulated CCE:  ${cce.url}`);
  print('');

  const operator = startOperator(kube, cce.url, options.demo, deps);
  cleanUps.add('the operator', () => operator.stop());

  const followed = samples(options.seed);
  // The cloud's time stands still until everything is ready, so that the demo shows the jobs from their start.
  cce.time.setSpeed(0);
  for (const { script } of followed) if (script !== undefined) cce.jobs.add(script);
  for (const sample of followed) await cluster.apply(sample, signal);
  cce.time.setSpeed(options.speed);

  // The end of the demo or of the operator, whichever comes first, ends the other.
  const show = new AbortController();
  const unlisten = onAbort(signal, () => show.abort());
  void operator.ended.then(() => show.abort());
  try {
    if (options.demo) {
      const demo = { cluster, samples: followed, clock, paint, print, deadlineMs: DEMO_DEADLINE_MS };
      const end = await playDemo(demo, show.signal);
      if (end.result === 'late') {
        throw new Error(`the operator did not get there in ${DEMO_DEADLINE_MS / 1000} s: ${end.missing}`);
      }
      if (end.result === 'interrupted' && signal.aborted) return 130;
    }
    if (options.demo && !options.keep && !show.signal.aborted) {
      for (const line of howToKeep(paint)) print(line);
      return 0;
    }
    return await stay(kube.kubeconfigPath, cce, operator, show.signal, deps, paint);
  } finally {
    unlisten();
  }
}

/** Prints the help for the running sandbox, and waits for its end. */
async function stay(
  kubeconfigPath: string,
  cce: RunningCce,
  operator: RunningOperator,
  ended: AbortSignal,
  deps: SandboxDeps,
  paint: Paint,
): Promise<number> {
  if (!ended.aborted) {
    deps.stdout.write('\n');
    for (const line of usageLines(kubeconfigPath, cce.url, paint)) deps.stdout.write(`${line}\n`);
    await new Promise<void>((resolve) => void onAbort(ended, resolve));
  }
  if (deps.signal.aborted) return 0;
  throw new Error(`the operator ended by itself: ${(await operator.ended) ?? 'it gave no reason'}`);
}

function howToKeep(paint: Paint): string[] {
  return [
    '',
    paint.bold('To try it with your own kubectl, keep it up: npm run demo -- --keep'),
    'It then prints the KUBECONFIG to export. To make the cloud misbehave: node dist/main.js sandbox --help',
  ];
}

interface RunningOperator {
  /** Resolves when the operator has ended, with what was wrong if anything was; never rejects. */
  readonly ended: Promise<string | undefined>;
  stop(): Promise<void>;
}

function startOperator(kube: ChosenKube, cceUrl: string, demo: boolean, deps: SandboxDeps): RunningOperator {
  const stopping = new AbortController();
  const options: SandboxOperatorOptions = {
    kubeconfig: kube.kubeconfigPath,
    config: {
      regions: { [DEMO_REGION]: { cce: cceUrl, iam: cceUrl } },
      defaultRegion: DEMO_REGION,
      polling: { minSeconds: 1, maxSeconds: 6 },
    },
    namespaces: kube.borrowed ? [DEMO_NAMESPACE] : [],
    httpPort: 0,
    // The demo's jobs fail on purpose, and the table shows it: a warning would only break the table.
    logLevel: demo ? 'error' : 'warn',
  };
  const ended = deps.runOperator(options, stopping.signal).then(() => undefined, errorText);
  return {
    ended,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** The clean-up steps, last first, each with a deadline, and each even if others fail. */
class CleanUps {
  readonly #clock: Clock;
  readonly #stderr: Output;
  readonly #steps: { readonly what: string; readonly task: (late: AbortSignal) => Promise<void> }[] = [];

  constructor(clock: Clock, stderr: Output) {
    this.#clock = clock;
    this.#stderr = stderr;
  }

  add(what: string, task: (late: AbortSignal) => Promise<void>): void {
    this.#steps.push({ what, task });
  }

  async run(): Promise<void> {
    for (const { what, task } of this.#steps.toReversed()) {
      const problem = await withDeadline(this.#clock, CLEAN_UP_DEADLINE_MS, NEVER, async (late) => {
        const outcome = await untilAborted(
          task(late).then(() => undefined, errorText),
          late,
        );
        return outcome === 'aborted' ? `it takes longer than ${CLEAN_UP_DEADLINE_MS / 1000} s` : outcome;
      });
      if (problem !== undefined) this.#stderr.write(`sandbox: could not clean up ${what}: ${problem}\n`);
    }
  }
}
