import { parseArgs } from 'node:util';
import { ADMIN_HELP } from './cce/admin.js';
import { errorText } from './errorText.js';

/** What `cloudjob-operator sandbox` was asked for. */
export interface SandboxOptions {
  readonly help: boolean;
  /** Play the demo. */
  readonly demo: boolean;
  /** Stay up until a signal. */
  readonly keep: boolean;
  readonly kubeconfig: string | undefined;
  /** Undefined: a free one. */
  readonly kubePort: number | undefined;
  readonly ccePort: number | undefined;
  /** Of what is left to chance. */
  readonly seed: number;
  /** How many seconds of the cloud's jobs pass in one second. */
  readonly speed: number;
}

/** A flag that cannot be used; the message is one line. */
export class SandboxUsageError extends Error {
  override readonly name = 'SandboxUsageError';
}

export const SANDBOX_HELP = `Usage: cloudjob-operator sandbox [FLAGS]

Starts a Kubernetes API, a simulated CCE and the operator between them, with sample CloudJobs to look at.
The Kubernetes API is the one of --kubeconfig; else etcd and kube-apiserver out of the folder that KUBEBUILDER_ASSETS
names; else an embedded one that needs nothing. Without --demo it stays until Ctrl-C. It leaves nothing behind.

  --demo             show the operator at work for a quarter of a minute, then exit
  --keep             with --demo: stay afterwards
  --kubeconfig FILE  use this cluster, in the namespace cloudjob-demo; only what was created is deleted in the end
  --kube-port PORT   port of the Kubernetes API that is started; default: a free one
  --cce-port PORT    port of the simulated CCE; default: a free one
  --seed N           of the made-up job, of IDs, and of faults with a probability; default 1
  --speed X          how fast the cloud's jobs play, 0.1 to 1000; default 1
  --help             this text

${ADMIN_HELP}`;

/** Reads the flags. Throws SandboxUsageError. */
export function readSandboxOptions(argv: readonly string[]): SandboxOptions {
  const flags = parseFlags(argv);
  return {
    help: flags.help ?? false,
    demo: flags.demo ?? false,
    keep: flags.keep ?? false,
    kubeconfig: flags.kubeconfig,
    kubePort: number('kube-port', flags['kube-port'], { min: 1, max: 65_535, whole: true }),
    ccePort: number('cce-port', flags['cce-port'], { min: 1, max: 65_535, whole: true }),
    seed: number('seed', flags.seed, { min: 0, max: 4_294_967_295, whole: true }) ?? 1,
    speed: number('speed', flags.speed, { min: 0.1, max: 1000, whole: false }) ?? 1,
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h' },
        demo: { type: 'boolean' },
        keep: { type: 'boolean' },
        kubeconfig: { type: 'string' },
        'kube-port': { type: 'string' },
        'cce-port': { type: 'string' },
        seed: { type: 'string' },
        speed: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new SandboxUsageError(`${errorText(error).split('. ')[0]}; see cloudjob-operator sandbox --help`);
  }
}

function number(
  flag: string,
  text: string | undefined,
  { min, max, whole }: { readonly min: number; readonly max: number; readonly whole: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new SandboxUsageError(
      `--${flag}: "${text}" is not allowed; allowed: ${whole ? 'whole numbers' : 'numbers'} from ${min} to ${max}`,
    );
  }
  return value;
}
