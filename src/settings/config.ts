import * as z from 'zod';
import { POD_IDENTITY_ENV, type WorkloadCredentialsOptions } from '../cloud/auth/workload.js';
import { checkEndpoint, missingRegion, Regions } from '../cloud/regions.js';
import { UsageError } from '../commandLine.js';
import { DEFAULT_POLLING } from '../reconcile/schedule.js';
import { LABEL } from './names.js';

/** The content of the config file, with defaults filled in. */
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
  /** For a whole request to the cloud, from connecting to the last byte of the answer. */
  readonly requestDeadlineSeconds: number;
}

/** An object with only these keys; its error names them. */
function only<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys'
        ? `has no key "${keys[0]}"; allowed: ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}

const DEFAULT_BUDGET = { requestsPerSecond: 10, burst: 20 };

const credentialsSource = z.discriminatedUnion('kind', [
  only({ kind: z.literal('ecsMetadata') }).describe('from the agency of the machine (ECS metadata)'),
  only({ kind: z.literal('podIdentity') }).describe('from CCE Pod Identity'),
  only({
    kind: z.literal('oidc'),
    identityProvider: z.string().min(1).max(64),
    tokenFile: z.string().min(1),
  }).describe('from IAM, for the identity token in the file'),
]);

/** The config file. The docs print the descriptions of its keys. */
export const configSchema = only({
  regions: z
    .record(
      z.string(),
      only({
        cce: z.string().describe("address of the region's CCE: https, or plain http on loopback"),
        iam: z.string().describe("address of the region's IAM: https, or plain http on loopback"),
      }),
    )
    .default({})
    .describe('regions to add to the built-in ones, by name'),
  defaultRegion: z
    .string()
    .optional()
    .describe('region of CloudJobs when neither they nor their Secrets name one'),
  polling: only({
    minSeconds: z
      .number()
      .min(1)
      .max(3600)
      .default(DEFAULT_POLLING.minSeconds)
      .describe('the shortest time between two polls of a job'),
    maxSeconds: z
      .number()
      .min(1)
      .max(86_400)
      .default(DEFAULT_POLLING.maxSeconds)
      .describe('the longest time between two polls of a job; not less than `minSeconds`'),
  })
    .refine(({ minSeconds, maxSeconds }) => minSeconds <= maxSeconds, {
      path: ['maxSeconds'],
      message: 'must not be less than polling.minSeconds',
    })
    .default(DEFAULT_POLLING),
  ownCredentials: only({
    namespaces: z
      .array(z.string().regex(LABEL, 'must be the name of a namespace'))
      .min(1)
      .max(1000)
      .describe("namespaces whose CloudJobs may use the operator's own credentials"),
    from: credentialsSource,
  }).optional(),
  budget: only({
    requestsPerSecond: z
      .number()
      .min(0.01)
      .max(1000)
      .default(DEFAULT_BUDGET.requestsPerSecond)
      .describe('calls to the cloud per second, for each project of a region'),
    burst: z
      .int()
      .min(1)
      .max(10_000)
      .default(DEFAULT_BUDGET.burst)
      .describe('most calls to a project at once, after a pause'),
  }).default(DEFAULT_BUDGET),
  requestDeadlineSeconds: z
    .number()
    .min(1)
    .max(60)
    .default(10)
    .describe('how long one request to the cloud, or to its IAM, may take'),
});

/**
 * Checks the content of a config file.
 *
 * @param source named in errors
 * @param env where CCE Pod Identity gives a pod its endpoint
 * @throws UsageError
 */
export function readConfig(
  content: unknown,
  source: string,
  env: Readonly<Record<string, string | undefined>>,
): Config {
  const read = configSchema.safeParse(content);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new UsageError(
      `${source}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is not usable'}`,
    );
  }
  const { regions: entries, defaultRegion, ownCredentials: own, ...others } = read.data;
  for (const [name, entry] of Object.entries(entries)) {
    if (!LABEL.test(name)) {
      throw new UsageError(`${source}: regions: "${name}" is not a name; allowed: 1 to 63 of a-z 0-9 -`);
    }
    for (const service of ['cce', 'iam'] as const) {
      const problem = checkEndpoint(entry[service]);
      if (problem !== undefined) throw new UsageError(`${source}: regions.${name}.${service}: ${problem}`);
    }
  }
  const regions = new Regions(entries);
  if (defaultRegion !== undefined && regions.find(defaultRegion) === undefined) {
    const { problem } = missingRegion(defaultRegion);
    throw new UsageError(
      `${source}: defaultRegion: "${defaultRegion}" ${problem}; allowed: ${regions.names().join(', ')}`,
    );
  }
  const ownCredentials = own && { namespaces: own.namespaces, source: workload(own.from, source, env) };
  return { regions, defaultRegion, ownCredentials, ...others };
}

function workload(
  from: z.output<typeof credentialsSource>,
  source: string,
  env: Readonly<Record<string, string | undefined>>,
): WorkloadCredentialsOptions {
  if (from.kind !== 'podIdentity') return from;
  const uri = env[POD_IDENTITY_ENV.uri];
  const tokenFile = env[POD_IDENTITY_ENV.tokenFile];
  if (uri === undefined || tokenFile === undefined || !URL.canParse(uri)) {
    throw new UsageError(
      `${source}: ownCredentials.from: podIdentity needs ${POD_IDENTITY_ENV.uri} (a URL) and ${POD_IDENTITY_ENV.tokenFile} in the environment; CCE sets them on pods with an identity`,
    );
  }
  return { kind: 'podIdentity', uri, tokenFile };
}
