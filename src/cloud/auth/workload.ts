import type { Clock } from '../../clock.js';
import type { AccessKey } from '../credentials.js';
import type { Http } from '../http.js';
import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';
import type { IAMTokens } from './iamTokens.js';
import { Renewals, type Issued } from './renewals.js';
import { secretsOf, signedHeaders } from './signature.js';
import { issueFromECSMetadata, issueFromPodIdentity } from './temporaryKeys.js';
import { renewedToken } from './token.js';
import { readTokenFile } from './tokenFile.js';

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
      return federatedToken(options, clock, iamTokens);
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

/**
 * Trades the service account token for a token of the project (IAM "obtaining a token with an OpenID Connect ID token").
 * The file is read each time: kubelet renews it.
 */
function federatedToken(
  { identityProvider, tokenFile }: WorkloadCredentialsOptions & { readonly kind: 'oidc' },
  clock: Clock,
  iamTokens: IAMTokens,
): Authenticator {
  const tokens = new Renewals<SecretText>(clock, REFUSED_MS);
  return renewedToken('workload:oidc', tokens, async ({ iam, projectID }, key) => {
    const idToken = await readTokenFile(tokenFile);
    if (idToken === undefined) {
      const message = 'the file with the service account token is missing, empty or no token';
      return { ok: false, error: { class: 'misconfigured', message } };
    }
    const turn = { key, user: '', owner: '' };
    return iamTokens.issue(turn, {
      iam,
      path: '/v3.0/OS-AUTH/id-token/tokens',
      headers: { 'X-Idp-Id': identityProvider },
      body: { auth: { id_token: { id: idToken }, scope: { project: { id: projectID } } } },
      secrets: [idToken],
    });
  });
}
