import { readFileSync } from 'node:fs';
import { parseArgs, types } from 'node:util';
import { load } from 'js-yaml';
import * as z from 'zod';
import { POD_IDENTITY_ENV, type WorkloadCredentialsOptions } from './cloud/auth/workload.js';
import { checkEndpoint, Regions } from './cloud/regions.js';
import { DEFAULT_POLLING } from './reconcile/schedule.js';

/** Everything that the operator is told from outside, compiled once; nothing reads raw options after that. */
export interface Settings {
  /** Path of a kubeconfig; undefined: the usual places (KUBECONFIG, the pod's service account, ~/.kube/config). */
  readonly kubeconfig: string | undefined;
  /** The namespaces to watch; empty: all. */
  readonly namespaces: readonly string[];
  /** TCP port of /healthz, /readyz and /metrics; 0 takes a free one. */
  readonly httpPort: number;
  /** Whether one of several replicas is to work at a time. */
  readonly leaderElect: boolean;
  /** Into how many parts the CloudJobs are split, each for one replica at a time; 1: one replica has them all. */
  readonly shards: number;
  readonly logFormat: (typeof LOG_FORMATS)[number];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly config: Config;
}

/** What the config file says, defaults filled in. */
export interface Config {
  /** The built-in public regions included. */
  readonly regions: Regions;
  /** Always the name of one of `regions`. */
  readonly defaultRegion: string | undefined;
  readonly polling: { readonly minSeconds: number; readonly maxSeconds: number };
  /** The operator's own credentials, and the namespaces whose CloudJobs may use them; undefined: none. */
  readonly ownCredentials:
    { readonly namespaces: readonly string[]; readonly source: WorkloadCredentialsOptions } | undefined;
  /** Per region and project. */
  readonly budget: { readonly requestsPerSecond: number; readonly burst: number };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used. The message is one line: the key, what is wrong with it and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const LOG_FORMATS = ['json', 'pretty'] as const;
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
/** A Kubernetes namespace: an RFC 1123 label. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** As `spec.region` of a CloudJob allows it. */
const REGION_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** An object with these keys and no others, whose error names them. */
function only<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys'
        ? `has no key "${keys[0]}"; allowed: ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}

const configSchema = only({
  regions: z.record(z.string(), only({ cce: z.string(), iam: z.string() })).default({}),
  defaultRegion: z.string().optional(),
  polling: only({
    minSeconds: z.number().min(1).max(3600).default(DEFAULT_POLLING.minSeconds),
    maxSeconds: z.number().min(1).max(86_400).default(DEFAULT_POLLING.maxSeconds),
  })
    .refine(({ minSeconds, maxSeconds }) => minSeconds <= maxSeconds, {
      path: ['maxSeconds'],
      message: 'must not be less than polling.minSeconds',
    })
    .default(DEFAULT_POLLING),
  ownCredentials: only({
    namespaces: z.array(z.string().regex(NAMESPACE, 'must be the name of a namespace')).min(1).max(1000),
    from: z.discriminatedUnion('kind', [
      only({ kind: z.literal('ecsMetadata') }),
      only({ kind: z.literal('podIdentity') }),
      only({
        kind: z.literal('oidc'),
        identityProvider: z.string().min(1).max(64),
        tokenFile: z.string().min(1),
      }),
    ]),
  }).optional(),
  budget: only({
    requestsPerSecond: z.number().min(0.01).max(1000).default(10),
    burst: z.int().min(1).max(10_000).default(20),
  }).default({ requestsPerSecond: 10, burst: 20 }),
});

/** Every flag of `run`, its environment twin and what it takes. */
export const RUN_FLAGS = {
  config: { env: 'CLOUDJOB_CONFIG', takes: 'FILE', help: 'YAML file with regions, polling and budget' },
  kubeconfig: {
    env: 'CLOUDJOB_KUBECONFIG',
    takes: 'FILE',
    help: 'how to reach the cluster; default: as kubectl does, or from inside a pod',
  },
  namespace: {
    env: 'CLOUDJOB_NAMESPACE',
    takes: 'NS',
    help: 'watch this namespace only; may be repeated (in the environment: separated by commas)',
  },
  'http-port': {
    env: 'CLOUDJOB_HTTP_PORT',
    takes: 'PORT',
    help: 'serves /healthz, /readyz and /metrics; default 8080, 0 takes a free one',
  },
  'leader-elect': {
    env: 'CLOUDJOB_LEADER_ELECT',
    takes: 'true|false',
    help: 'wait for a Lease, so that one of several replicas works at a time; default true',
  },
  shards: {
    env: 'CLOUDJOB_SHARDS',
    takes: 'N',
    help: 'share the CloudJobs among replicas: N parts (1 to 5), the same N in all replicas; default 1',
  },
  'log-format': { env: 'CLOUDJOB_LOG_FORMAT', takes: LOG_FORMATS.join('|'), help: 'default json' },
  'log-level': { env: 'CLOUDJOB_LOG_LEVEL', takes: LOG_LEVELS.join('|'), help: 'default info' },
} as const;

type FlagName = keyof typeof RUN_FLAGS;

/**
 * Reads flags, their environment twins (a flag wins) and the config file.
 *
 * @throws SettingsError naming the first setting that cannot be used
 */
export function readSettings(args: readonly string[], env: Environment): Settings {
  const flags = parseFlags(args);
  const value = (name: Exclude<FlagName, 'namespace'>): Setting =>
    flags[name] === undefined
      ? { key: RUN_FLAGS[name].env, value: env[RUN_FLAGS[name].env] || undefined }
      : { key: `--${name}`, value: flags[name] };
  const leaderElect = oneOf(value('leader-elect'), ['true', 'false'], 'true') === 'true';
  const namespaces = flags.namespace ?? env[RUN_FLAGS.namespace.env]?.split(',') ?? [];
  return {
    kubeconfig: value('kubeconfig').value,
    namespaces: readNamespaces(
      flags.namespace === undefined ? RUN_FLAGS.namespace.env : '--namespace',
      namespaces,
    ),
    httpPort: port(value('http-port'), 8080),
    leaderElect,
    shards: readShards(value('shards'), leaderElect),
    logFormat: oneOf(value('log-format'), LOG_FORMATS, 'json'),
    logLevel: oneOf(value('log-level'), LOG_LEVELS, 'info'),
    config: readConfigFile(value('config'), env),
  };
}

interface Setting {
  /** As the user wrote it: `--http-port` or `CLOUDJOB_HTTP_PORT`. */
  readonly key: string;
  readonly value: string | undefined;
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        config: { type: 'string' },
        kubeconfig: { type: 'string' },
        namespace: { type: 'string', multiple: true },
        'http-port': { type: 'string' },
        'leader-elect': { type: 'string' },
        shards: { type: 'string' },
        'log-format': { type: 'string' },
        'log-level': { type: 'string' },
      },
    }).values;
  } catch (error) {
    const problem = types.isNativeError(error) ? error.message.split(/\.\s/)[0] : 'unreadable';
    throw new SettingsError(
      `command line: ${problem}; allowed: ${Object.keys(RUN_FLAGS)
        .map((flag) => `--${flag}`)
        .join(' ')}`,
    );
  }
}

function readNamespaces(key: string, values: readonly string[]): readonly string[] {
  const names = values.map((name) => name.trim()).filter((name) => name !== '');
  const bad = names.find((name) => !NAMESPACE.test(name));
  if (bad !== undefined)
    throw new SettingsError(`${key}: "${bad}" is not the name of a namespace; allowed: 1 to 63 of a-z 0-9 -`);
  return [...new Set(names)];
}

function port({ key, value }: Setting, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new SettingsError(`${key}: "${value}" is not a port; allowed: 0 to 65535`);
  }
  return Number(value);
}

/** More replicas than this could lock a wrong access key by trying it once each. */
export const MAX_SHARDS = 5;

function readShards({ key, value = '1' }: Setting, leaderElect: boolean): number {
  if (!/^\d{1,2}$/.test(value) || Number(value) < 1 || Number(value) > MAX_SHARDS) {
    throw new SettingsError(`${key}: "${value}" is not allowed; allowed: 1 to ${MAX_SHARDS}`);
  }
  if (Number(value) > 1 && !leaderElect) {
    throw new SettingsError(
      `${key}: ${value} shards need Leases to share them by; allowed: 1 with --leader-elect=false`,
    );
  }
  return Number(value);
}

function oneOf<T extends string>({ key, value }: Setting, allowed: readonly T[], byDefault: T): T {
  if (value === undefined) return byDefault;
  const match = allowed.find((word) => word === value);
  if (match === undefined)
    throw new SettingsError(`${key}: "${value}" is not allowed; allowed: ${allowed.join(', ')}`);
  return match;
}

function readConfigFile({ key, value: path }: Setting, env: Environment): Config {
  if (path === undefined) return readConfig({}, 'the built-in config', env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = types.isNativeError(error) && 'code' in error ? String(error.code) : 'unreadable';
    throw new SettingsError(`${key}: cannot read "${path}" (${code}); allowed: the path of a YAML file`);
  }
  let content: unknown;
  try {
    content = load(text);
  } catch (error) {
    const problem = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    throw new SettingsError(`${path}: is not YAML: ${problem}`);
  }
  return readConfig(content ?? {}, path, env);
}

/**
 * Checks the content of a config file.
 *
 * @param source named in errors
 * @param env where CCE Pod Identity tells a pod its endpoint
 * @throws SettingsError
 */
export function readConfig(content: unknown, source: string, env: Environment): Config {
  const read = configSchema.safeParse(content);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new SettingsError(
      `${source}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is not usable'}`,
    );
  }
  const { regions: entries, defaultRegion, polling, budget, ownCredentials: own } = read.data;
  for (const [name, entry] of Object.entries(entries)) {
    if (!REGION_NAME.test(name)) {
      throw new SettingsError(`${source}: regions: "${name}" is not a name; allowed: 1 to 63 of a-z 0-9 -`);
    }
    for (const service of ['cce', 'iam'] as const) {
      const problem = checkEndpoint(entry[service]);
      if (problem !== undefined) throw new SettingsError(`${source}: regions.${name}.${service}: ${problem}`);
    }
  }
  const regions = new Regions(entries);
  if (defaultRegion !== undefined && regions.find(defaultRegion) === undefined) {
    throw new SettingsError(
      `${source}: defaultRegion: "${defaultRegion}" is not a region; allowed: ${regions.names().join(', ')}`,
    );
  }
  const ownCredentials = own && { namespaces: own.namespaces, source: workload(own.from, source, env) };
  return { regions, defaultRegion, polling, budget, ownCredentials };
}

function workload(
  from: NonNullable<z.output<typeof configSchema>['ownCredentials']>['from'],
  source: string,
  env: Environment,
): WorkloadCredentialsOptions {
  if (from.kind !== 'podIdentity') return from;
  const uri = env[POD_IDENTITY_ENV.uri];
  const tokenFile = env[POD_IDENTITY_ENV.tokenFile];
  if (uri === undefined || tokenFile === undefined || !URL.canParse(uri)) {
    throw new SettingsError(
      `${source}: ownCredentials.from: podIdentity needs ${POD_IDENTITY_ENV.uri} (a URL) and ${POD_IDENTITY_ENV.tokenFile} in the environment; CCE sets them on pods with an identity`,
    );
  }
  return { kind: 'podIdentity', uri, tokenFile };
}
