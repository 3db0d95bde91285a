import type { CloudJobSpec } from '../../api/cloudjob.js';
import type { Credentials } from '../../cloud/credentials.js';
import { missingRegion, type Region } from '../../cloud/regions.js';
import type { SecretResult } from '../../reconcile/ports.js';
import { describeWrongType } from '../../reconcile/jobObserver.js';
import type { Config } from '../../settings/config.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

/** The content of a CloudJob's Secret. */
export interface SecretContent {
  readonly credentials: Credentials;
  readonly projectID?: string;
  readonly region?: string;
}

/** Names keys of the Secret, never values. */
export function checkSecret(
  path: string,
  secret: SecretResult,
): { readonly finding: Finding; readonly content?: SecretContent } {
  if (secret.kind === 'forbidden') return { finding: cannotTell(`you may not read ${path}`) };
  if (secret.kind === 'missing') {
    return {
      finding: wrong(
        `${path} does not exist`,
        'create it, or name another one in spec.credentialsRef; the documentation lists its keys',
      ),
    };
  }
  if (secret.kind === 'wrongType') {
    const { problem, remedy } = describeWrongType(path, secret.type);
    return { finding: wrong(problem, remedy) };
  }
  const { read } = secret;
  if (!read.ok) return { finding: wrong(`${path}: ${read.message}`, 'correct the keys of the Secret') };
  const keys = { token: 'a token', accessKey: 'an access key', password: 'a user and password' };
  return { finding: ok(`${path} holds ${keys[read.credentials.kind]}`), content: read };
}

/** The region of the CloudJob, from the catalogue of `config`. */
export function checkRegion(
  spec: Pick<CloudJobSpec, 'region'>,
  ofSecret: string | undefined,
  { regions, defaultRegion }: Pick<Config, 'regions' | 'defaultRegion'>,
  hasConfig: boolean,
): { readonly finding: Finding; readonly region?: Region } {
  const name = spec.region ?? ofSecret ?? defaultRegion;
  if (name === undefined) {
    const detail = 'neither spec.region nor the key region of the Secret is set';
    return {
      finding: hasConfig
        ? wrong(`${detail}, and the operator has no default region`, 'set one of them')
        : cannotTell(`${detail}; the operator's default region is in its config: name that with --config`),
    };
  }
  const region = regions.find(name);
  if (region !== undefined) return { finding: ok(`${name} is ${region.cce}`), region };
  const where = spec.region === undefined ? 'the region that the Secret or the config names' : `"${name}"`;
  const { problem, remedy } = missingRegion(name);
  return {
    finding: hasConfig
      ? wrong(`${where} ${problem}`, remedy)
      : cannotTell(`${where} is not a built-in one; name the operator's config with --config`),
  };
}
