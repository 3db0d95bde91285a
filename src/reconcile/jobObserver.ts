import type { CloudJob } from '../api/cloudjob.js';
import type { Authenticator } from '../cloud/auth/authenticator.js';
import type { Authenticators } from '../cloud/auth/authenticators.js';
import type { Target } from '../cloud/client.js';
import type { Observation } from '../cloud/observation.js';
import { missingRegion, type Region, type Regions } from '../cloud/regions.js';
import type { Priority } from '../priority.js';
import type { JobReader, SecretResult } from './ports.js';
import type { Freshness, SecretCache } from './secretCache.js';

/** The operator's configuration of the clouds. */
export interface Clouds {
  readonly regions: Pick<Regions, 'find'>;
  readonly defaultRegion: string | undefined;
  readonly authenticators: Pick<Authenticators, 'of'>;
  /** The operator's own credentials, for CloudJobs that name none, in these namespaces only. */
  readonly own?:
    { readonly namespaces: ReadonlySet<string>; readonly authenticator: Authenticator } | undefined;
}

export interface JobObserverParts {
  readonly secrets: SecretCache;
  readonly reader: JobReader;
  readonly clouds: Clouds;
}

type NoTarget = Extract<Observation, { kind: 'noCredentials' | 'invalidSpec' }>;

/** The job to read, its place and its credentials; or why they cannot be determined. */
type Resolved = { readonly kind: 'target'; readonly target: Target } | NoTarget;

/** Observes the jobs of CloudJobs, with the credentials that they name. */
export class JobObserver {
  constructor(private readonly parts: JobObserverParts) {}

  /**
   * Reads the job; once more with a renewed Secret if the credentials are refused.
   *
   * @param freshness that the Secret must have for the first read
   * @throws when the API server fails
   */
  async observe(
    key: string,
    cloudJob: CloudJob,
    priority: Priority,
    freshness: Freshness,
    signal: AbortSignal,
  ): Promise<Observation> {
    const { reader } = this.parts;
    const resolved = await this.#resolve(cloudJob, freshness);
    if (resolved.kind !== 'target') return this.#without(key, resolved);
    const { target } = resolved;
    const observation = await reader.read(key, target, priority, signal);
    if (!isRefusal(observation)) return observation;
    // The key may have been rotated since the Secret was read.
    const renewed = await this.#resolve(cloudJob, 'renewed');
    if (renewed.kind !== 'target') return this.#without(key, renewed);
    const isSame = renewed.target.authenticator.fingerprint === target.authenticator.fingerprint;
    return isSame ? observation : reader.read(key, renewed.target, priority, signal);
  }

  /** Stops reading for the key: its credentials are gone. */
  #without(key: string, observation: NoTarget): NoTarget {
    this.parts.reader.forget(key);
    return observation;
  }

  async #resolve(cloudJob: CloudJob, freshness: Freshness): Promise<Resolved> {
    const { clouds, secrets } = this.parts;
    const { metadata, spec } = cloudJob;
    if ('problems' in spec || spec.credentialsRef === undefined) return resolveOwnTarget(cloudJob, clouds);
    const { name } = spec.credentialsRef;
    const secret = await secrets.read(metadata.namespace, name, freshness);
    return resolveTarget(cloudJob, name, secret, clouds);
  }
}

function isRefusal(observation: Observation): boolean {
  if (observation.kind !== 'error') return false;
  return observation.error.class === 'unauthorized' || observation.error.class === 'forbidden';
}

/**
 * The target of a CloudJob that names a Secret.
 *
 * @param secretName as the spec gives it
 */
export function resolveTarget(
  { metadata, spec }: CloudJob,
  secretName: string,
  secret: SecretResult,
  clouds: Clouds,
): Resolved {
  if ('problems' in spec) return invalidSpec(spec.problems.join('; '));
  const secretPath = `Secret ${metadata.namespace}/${secretName}`;
  if (secret.kind === 'wrongType') {
    const { problem, remedy } = describeWrongType(secretPath, secret.type);
    return invalidCredentials(`${problem}; ${remedy}`);
  }
  if (secret.kind !== 'found') {
    const message =
      secret.kind === 'missing'
        ? `${secretPath} of spec.credentialsRef does not exist; create it, or name another one`
        : `The operator may not read ${secretPath}; grant its service account "get" on it`;
    return { kind: 'noCredentials', reason: 'CredentialsNotFound', message };
  }
  const { read } = secret;
  if (!read.ok) return invalidCredentials(`${secretPath}: ${read.message}`);

  const region = findRegion(spec.region, read.region, secretPath, clouds);
  if ('kind' in region) return region;
  const projectID = spec.projectID ?? read.projectID;
  if (projectID === undefined) {
    return invalidCredentials(
      `Neither spec.projectID nor the key projectID of ${secretPath} is set; set one of them`,
    );
  }
  const authenticator = clouds.authenticators.of(read.credentials, metadata.namespace);
  const { jobID, clusterType } = spec;
  return { kind: 'target', target: { region, projectID, jobID, clusterType, authenticator } };
}

/** The target of a CloudJob without `credentialsRef`. */
export function resolveOwnTarget({ metadata, spec }: CloudJob, clouds: Clouds): Resolved {
  if ('problems' in spec) return invalidSpec(spec.problems.join('; '));
  if (clouds.own === undefined || !clouds.own.namespaces.has(metadata.namespace)) {
    const message = `The operator has no credentials of its own for namespace ${metadata.namespace}; name a Secret in spec.credentialsRef`;
    return { kind: 'noCredentials', reason: 'CredentialsRequired', message };
  }
  const region = findRegion(spec.region, undefined, undefined, clouds);
  if ('kind' in region) return region;
  const { jobID, projectID, clusterType } = spec;
  if (projectID === undefined) {
    return invalidSpec('spec.projectID is required without spec.credentialsRef; set it');
  }
  const { authenticator } = clouds.own;
  return { kind: 'target', target: { region, projectID, jobID, clusterType, authenticator } };
}

/** The spec's region, else the Secret's, else the operator's default. */
function findRegion(
  ofSpec: string | undefined,
  ofSecret: string | undefined,
  secretPath: string | undefined,
  { regions, defaultRegion }: Clouds,
): Region | NoTarget {
  const name = ofSpec ?? ofSecret ?? defaultRegion;
  if (name === undefined) {
    return secretPath === undefined
      ? invalidSpec('spec.region is not set and the operator has no default region; set it')
      : invalidCredentials(
          `Neither spec.region nor the key region of ${secretPath} is set, and the operator has no default region; set one of them`,
        );
  }
  const region = regions.find(name);
  if (region !== undefined) return region;
  const { problem, remedy } = missingRegion(name);
  if (ofSpec === undefined && ofSecret !== undefined) {
    // The value is left out: it may be a secret in the wrong key.
    return invalidCredentials(`${secretPath}: the value of the key region ${problem}; ${remedy}`);
  }
  return invalidSpec(`spec.region "${name}" ${problem}; ${remedy}`);
}

function invalidSpec(message: string): NoTarget {
  return { kind: 'invalidSpec', message };
}

function invalidCredentials(message: string): NoTarget {
  return { kind: 'noCredentials', reason: 'InvalidCredentials', message };
}

/** What is wrong with a Secret of another type, and what to do, for people. @param path `Secret namespace/name` */
export function describeWrongType(path: string, type: string): { problem: string; remedy: string } {
  return {
    problem: `${path} has the type "${type}", which holds no cloud credentials`,
    remedy: 'put the cloud credentials into a Secret of type Opaque, and name it in spec.credentialsRef',
  };
}
