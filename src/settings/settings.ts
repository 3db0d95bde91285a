import {
  givenByEnvironment,
  parseCommandLine,
  readFlags,
  UsageError,
  type FlagValues,
} from '../commandLine.js';
import { readConfig, type Config } from './config.js';
import { RUN_FLAGS } from './flags.js';

/** All settings of the operator, read once from the flags (`flags.ts`); nothing reads raw options after that. */
export type Settings = Omit<FlagValues<typeof RUN_FLAGS>, 'config'> & { readonly config: Config };

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
