import {
  givenByEnvironment,
  parseCommandLine,
  readFlags,
  UsageError,
  type FlagValues,
} from '../commandLine.js';
import { readConfig, type Config } from './config.js';
import { RUN_FLAGS } from './flags.js';

type RunFlags = FlagValues<typeof RUN_FLAGS>;

/** All settings of the operator, read once; nothing reads raw options after that. */
export interface Settings {
  /** Path of a kubeconfig; undefined: the usual places (KUBECONFIG, the pod's service account, ~/.kube/config). */
  readonly kubeconfig: string | undefined;
  /** The namespaces to watch; empty: all. */
  readonly namespaces: readonly string[];
  /** TCP port of /healthz, /readyz and /metrics; 0 picks a free port. */
  readonly httpPort: number;
  /** Whether only one of several replicas works at a time. */
  readonly leaderElect: boolean;
  /** The number of parts into which the CloudJobs are split, each for one replica at a time; 1: one replica has them all. */
  readonly shards: number;
  /** The UID of the pod whose only operator this is; undefined: it is not known. */
  readonly podUID: string | undefined;
  readonly logFormat: RunFlags['logFormat'];
  readonly logLevel: RunFlags['logLevel'];
  readonly config: Config;
}

/**
 * Reads flags, their environment twins (a flag wins) and the config file.
 *
 * @throws UsageError that names the first setting that cannot be used
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const { given: byFlag } = parseCommandLine(RUN_FLAGS, args, { allowWords: false, explain });
  const given = new Map([...givenByEnvironment(RUN_FLAGS, env), ...byFlag]);
  const { config, ...settings } = readFlags(RUN_FLAGS, given);
  if (settings.shards > 1 && !settings.leaderElect) {
    throw new UsageError(
      `${given.get('shards')?.key}: ${settings.shards} shards need Leases to share them by; allowed: 1 with --leader-elect=false`,
    );
  }
  return { ...settings, config: readConfig(config.content, config.source, env) };
}

function explain(problem: string): string {
  const allowed = Object.values(RUN_FLAGS).map(({ flag }) => flag);
  return `command line: ${problem}; allowed: ${allowed.join(' ')}`;
}
