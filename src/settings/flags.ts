import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import { load } from 'js-yaml';
import { lastValue, oneOf, UsageError, type FlagTable, type Given } from '../commandLine.js';
import { LABEL } from './names.js';

const LOG_FORMATS = ['json', 'pretty'] as const;
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
const MAX_PORT = 65_535;
/** With more replicas, one try of a wrong access key by each could lock the key. */
export const MAX_SHARDS = 5;

/** Every flag of `run`, with its environment twin. */
export const RUN_FLAGS = {
  config: {
    flag: '--config',
    env: 'CLOUDJOB_CONFIG',
    takes: 'FILE',
    help: 'YAML file with regions, polling and budget',
    read: yamlFile,
  },
  kubeconfig: {
    flag: '--kubeconfig',
    env: 'CLOUDJOB_KUBECONFIG',
    takes: 'FILE',
    help: 'how to reach the cluster; default: as kubectl does, or from inside a pod',
    read: lastValue,
  },
  namespaces: {
    flag: '--namespace',
    env: 'CLOUDJOB_NAMESPACE',
    takes: 'NS',
    repeats: true,
    help: 'watch this namespace only; may be repeated (in the environment: separated by commas)',
    read: namespaces,
  },
  httpPort: {
    flag: '--http-port',
    env: 'CLOUDJOB_HTTP_PORT',
    takes: 'PORT',
    help: 'port of /healthz, /readyz and /metrics; default 8080, 0 picks a free port',
    read: (given: Given) => wholeNumber(given, 0, MAX_PORT, 'is not a port') ?? 8080,
  },
  leaderElect: {
    flag: '--leader-elect',
    env: 'CLOUDJOB_LEADER_ELECT',
    takes: 'true|false',
    help: 'wait for a Lease, so that only one of several replicas works at a time; default true',
    read: (given: Given) => oneOf(['true', 'false'])(given) !== 'false',
  },
  shards: {
    flag: '--shards',
    env: 'CLOUDJOB_SHARDS',
    takes: 'N',
    help: `split the CloudJobs into N parts (1 to ${MAX_SHARDS}) for several replicas; use the same N in all replicas; default 1`,
    read: (given: Given) => wholeNumber(given, 1, MAX_SHARDS, 'is not allowed') ?? 1,
  },
  podUID: {
    flag: '--pod-uid',
    env: 'CLOUDJOB_POD_UID',
    takes: 'UID',
    help: 'of the pod that it runs in, as its one operator: a restarted container then takes its own Lease back at once',
    read: lastValue,
  },
  logFormat: {
    flag: '--log-format',
    env: 'CLOUDJOB_LOG_FORMAT',
    takes: LOG_FORMATS.join('|'),
    help: 'default json',
    read: (given: Given) => oneOf(LOG_FORMATS)(given) ?? 'json',
  },
  logLevel: {
    flag: '--log-level',
    env: 'CLOUDJOB_LOG_LEVEL',
    takes: LOG_LEVELS.join('|'),
    help: 'default info',
    read: (given: Given) => oneOf(LOG_LEVELS)(given) ?? 'info',
  },
} as const satisfies FlagTable;

/** The content of the config file; without a file, an empty config. */
function yamlFile(given: Given): { readonly source: string; readonly content: unknown } {
  const path = lastValue(given);
  if (path === undefined) return { source: 'the built-in config', content: {} };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = types.isNativeError(error) && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`${given.key}: cannot read "${path}" (${code}); allowed: the path of a YAML file`);
  }
  try {
    return { source: path, content: load(text) ?? {} };
  } catch (error) {
    const problem = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    throw new UsageError(`${path}: is not YAML: ${problem}`);
  }
}

function namespaces({ key, values }: Given): readonly string[] {
  const names = values.map((name) => name.trim()).filter((name) => name !== '');
  const bad = names.find((name) => !LABEL.test(name));
  if (bad === undefined) return [...new Set(names)];
  throw new UsageError(`${key}: "${bad}" is not the name of a namespace; allowed: 1 to 63 of a-z 0-9 -`);
}

function wholeNumber(given: Given, least: number, most: number, problem: string): number | undefined {
  const value = lastValue(given);
  if (value === undefined) return undefined;
  if (/^\d{1,5}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw new UsageError(`${given.key}: "${value}" ${problem}; allowed: ${least} to ${most}`);
}
