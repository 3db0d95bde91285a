import {
  flagLines,
  isGiven,
  lastValue,
  parseCommandLine,
  readFlags,
  UsageError,
  type FlagTable,
  type FlagValues,
  type Given,
} from '../commandLine.js';
import { ADMIN_HELP } from './cce/admin.js';

const SANDBOX_FLAGS = {
  demo: {
    flag: '--demo',
    help: 'run a demo of the operator for about 15 seconds, then exit',
    read: isGiven,
  },
  keep: { flag: '--keep', help: 'with --demo: keep running after the demo', read: isGiven },
  kubeconfig: {
    flag: '--kubeconfig',
    takes: 'FILE',
    help: 'use this cluster, in the namespace cloudjob-demo; at the end, only created objects are deleted',
    read: lastValue,
  },
  kubePort: {
    flag: '--kube-port',
    takes: 'PORT',
    help: 'port of the Kubernetes API that is started; default: a free one',
    read: (given: Given) => number(given, { min: 1, max: 65_535, whole: true }),
  },
  ccePort: {
    flag: '--cce-port',
    takes: 'PORT',
    help: 'port of the simulated CCE; default: a free one',
    read: (given: Given) => number(given, { min: 1, max: 65_535, whole: true }),
  },
  seed: {
    flag: '--seed',
    takes: 'N',
    help: 'seed of the random job, of IDs, and of faults with a probability; default 1',
    read: (given: Given) => number(given, { min: 0, max: 4_294_967_295, whole: true }) ?? 1,
  },
  speed: {
    flag: '--speed',
    takes: 'X',
    help: "how many seconds of the cloud's jobs pass in one second, 0.1 to 1000; default 1",
    read: (given: Given) => number(given, { min: 0.1, max: 1000, whole: false }) ?? 1,
  },
  help: { flag: '--help', short: 'h', help: 'this text', read: isGiven },
} as const satisfies FlagTable;

/** The options of `cloudjob-operator sandbox`. */
export type SandboxOptions = FlagValues<typeof SANDBOX_FLAGS>;

export const SANDBOX_HELP = `Usage: cloudjob-operator sandbox [FLAGS]

Starts a Kubernetes API, a simulated CCE and the operator between them, with sample CloudJobs.
The Kubernetes API is the one of --kubeconfig; else etcd and kube-apiserver out of the folder that KUBEBUILDER_ASSETS
names; else an embedded one that needs nothing. Without --demo it stays until Ctrl-C. It leaves nothing behind.

${flagLines(Object.values(SANDBOX_FLAGS)).join('\n')}

${ADMIN_HELP}`;

/** @throws UsageError */
export function readSandboxOptions(argv: readonly string[]): SandboxOptions {
  const { given } = parseCommandLine(SANDBOX_FLAGS, argv, { allowWords: false, explain });
  return readFlags(SANDBOX_FLAGS, given);
}

function explain(problem: string): string {
  return `${problem}; see cloudjob-operator sandbox --help`;
}

function number(
  given: Given,
  { min, max, whole }: { readonly min: number; readonly max: number; readonly whole: boolean },
): number | undefined {
  const text = lastValue(given);
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(
    `${given.key}: "${text}" is not allowed; allowed: ${whole ? 'whole numbers' : 'numbers'} from ${min} to ${max}`,
  );
}
