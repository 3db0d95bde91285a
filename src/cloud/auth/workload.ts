import type { Clock } from '../../clock.js';
import type { AccessKey } from '../credentials.js';
import type { Http } from '../http.js';
import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';
import type { IAMTokens } from './iamTokens.js';
import { issueFromIdentityProvider } from './oidc.js';
import { Renewals, type Issued } from './renewals.js';
import { secretsOf, signedHeaders } from './signature.js';
import { issueFromECSMetadata, issueFromPodIdentity } from './temporaryKeys.js';

/** The source of the operator's own credentials. */
export type WorkloadCredentialsOptions =
  /** The agency of the ECS that it runs on; `endpoint`: base URL of the metadata service. */
  | { readonly kind: 'ecsMetadata'; readonly endpoint?: string }
  /** A service account token, traded at the IAM of the region; `identityProvider`: its name in IAM. */
  | { readonly kind: 'oidc'; readonly identityProvider: string; readonly tokenFile: string }
  /** CCE Pod Identity, as it stands in the pod's environment (`POD_IDENTITY_ENV`). */
  | { readonly kind: 'podIdentity'; readonly uri: string; readonly tokenFile: string };

/** The environment variables in which CCE Pod Identity gives a pod the `uri` and the `tokenFile`. */
export const POD_IDENTITY_ENV = {
  uri: 'HC_CONTAINER_CREDENTIALS_FULL_URI',
  tokenFile: 'HC_CONTAINER_AUTHORIZATION_TOKEN_FILE',
} as const;

/** A retry locks nothing, so a refusal is retried after a minute. */
const REFUSED_MS = 60_000;

export function workloadAuthenticator(
  options: WorkloadCredentialsOptions,
  http: Http,
  clock: Clock,
  iamTokens: IAMTokens,
): Authenticator {
  switch (options.kind) {
    case 'ecsMetadata':
      return renewedKey('ecsMetadata', clock, () => issueFromECSMetadata(http, clock, options.endpoint));
    case 'podIdentity':
      return renewedKey('podIdentity', clock, () => issueFromPodIdentity(http, clock, options));
    case 'oidc':
      return renewedToken(options, clock, iamTokens);
  }
}

function renewedKey(name: string, clock: Clock, issue: () => Promise<Issued<AccessKey>>): Authenticator {
  const keys = new Renewals<AccessKey>(clock, REFUSED_MS);
  return {
    fingerprint: `workload:${name}`,
    signs: true,
    async headers(request, signal) {
      const held = await keys.get(name, issue, signal);
      if (!held.ok) return held;
      return {
        ok: true,
        headers: signedHeaders(request, held.value, clock.now()),
        secrets: secretsOf(held.value),
        rejected: held.rejected,
      };
    },
  };
}

function renewedToken(
  options: WorkloadCredentialsOptions & { readonly kind: 'oidc' },
  clock: Clock,
  iamTokens: IAMTokens,
): Authenticator {
  const tokens = new Renewals<SecretText>(clock, REFUSED_MS);
  return {
    fingerprint: 'workload:oidc',
    signs: false,
    async headers({ iam, projectID }, signal) {
      const key = JSON.stringify([projectID, iam]);
      const issue = () => issueFromIdentityProvider(iamTokens, options, iam, projectID);
      const held = await tokens.get(key, issue, signal);
      if (!held.ok) return held;
      const token = held.value.reveal();
      return { ok: true, headers: { 'X-Auth-Token': token }, secrets: [token], rejected: held.rejected };
    },
  };
}
