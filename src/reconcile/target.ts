import type { Authenticator } from '../cloud/auth/authenticator.js';
import type { Authenticators } from '../cloud/auth/authenticators.js';
import type { Target } from '../cloud/client.js';
import { readCredentials } from '../cloud/credentials.js';
import type { Region, Regions } from '../cloud/regions.js';
import type { CloudJob } from '../api/cloudjob.js';
import type { Finding } from './finding.js';
import type { SecretFinding } from './ports.js';

/** What the operator knows of the clouds. */
export interface Clouds {
  readonly regions: Pick<Regions, 'find'>;
  readonly defaultRegion: string | undefined;
  readonly authenticators: Pick<Authenticators, 'of'>;
  /** The operator's own credentials, for CloudJobs that name none, in these namespaces only. */
  readonly own?:
    { readonly namespaces: ReadonlySet<string>; readonly authenticator: Authenticator } | undefined;
}

export type Resolution =
  | { readonly kind: 'target'; readonly target: Target }
  | Extract<Finding, { kind: 'credentials' | 'unusable' }>;

/**
 * Finds out which job to ask about, where and with what.
 *
 * @param spec a readable one
 * @param secretName as the spec gives it
 */
export function resolveTarget(
  { metadata, spec }: CloudJob,
  secretName: string,
  secret: SecretFinding,
  clouds: Clouds,
): Resolution {
  if ('problems' in spec) return { kind: 'unusable', message: spec.problems.join('; ') };
  const secretPath = `Secret ${metadata.namespace}/${secretName}`;
  if (secret.kind !== 'found') {
    const message =
      secret.kind === 'missing'
        ? `${secretPath} of spec.credentialsRef does not exist; create it, or name another one`
        : `The operator may not read ${secretPath}; grant its service account "get" on it`;
    return { kind: 'credentials', reason: 'CredentialsNotFound', message };
  }
  const read = readCredentials(secret.data);
  if (!read.ok) return invalid(`${secretPath}: ${read.message}`);

  const region = findRegion(spec.region, read.region, secretPath, clouds);
  if ('kind' in region) return region;
  const projectID = spec.projectID ?? read.projectID;
  if (projectID === undefined) {
    return invalid(`Neither spec.projectID nor the key projectID of ${secretPath} is set; set one of them`);
  }
  const authenticator = clouds.authenticators.of(read.credentials);
  return { kind: 'target', target: { region, projectID, jobID: spec.jobID, authenticator } };
}

/** The same for a CloudJob without `credentialsRef`. */
export function resolveOwnTarget({ metadata, spec }: CloudJob, clouds: Clouds): Resolution {
  if ('problems' in spec) return { kind: 'unusable', message: spec.problems.join('; ') };
  if (clouds.own === undefined || !clouds.own.namespaces.has(metadata.namespace)) {
    return {
      kind: 'credentials',
      reason: 'CredentialsRequired',
      message: `The operator has no credentials of its own for namespace ${metadata.namespace}; name a Secret in spec.credentialsRef`,
    };
  }
  const region = findRegion(spec.region, undefined, undefined, clouds);
  if ('kind' in region) return region;
  const { jobID, projectID } = spec;
  if (projectID === undefined) {
    return { kind: 'unusable', message: 'spec.projectID is required without spec.credentialsRef; set it' };
  }
  return { kind: 'target', target: { region, projectID, jobID, authenticator: clouds.own.authenticator } };
}

/** The spec's region, else the Secret's, else the operator's default. */
function findRegion(
  ofSpec: string | undefined,
  ofSecret: string | undefined,
  secretPath: string | undefined,
  { regions, defaultRegion }: Clouds,
): Region | Exclude<Resolution, { kind: 'target' }> {
  const name = ofSpec ?? ofSecret ?? defaultRegion;
  if (name === undefined) {
    return secretPath === undefined
      ? { kind: 'unusable', message: 'spec.region is not set and the operator has no default region; set it' }
      : invalid(
          `Neither spec.region nor the key region of ${secretPath} is set, and the operator has no default region; set one of them`,
        );
  }
  const region = regions.find(name);
  if (region !== undefined) return region;
  if (ofSpec === undefined && ofSecret !== undefined) {
    return invalid(`${secretPath}: key region names no region of the operator's catalogue`);
  }
  return {
    kind: 'unusable',
    message: `spec.region "${name}" is not in the operator's region catalogue; correct it, or have the region added to the operator's configuration`,
  };
}

function invalid(message: string): Extract<Finding, { kind: 'credentials' }> {
  return { kind: 'credentials', reason: 'InvalidCredentials', message };
}
