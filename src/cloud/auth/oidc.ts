import type { SecretText } from '../secretText.js';
import type { IAMTokens } from './iamTokens.js';
import type { Issued } from './renewals.js';
import { readTokenFile } from './tokenFile.js';

/**
 * Trades a service account token for a token of the project (IAM "obtaining a token with an OpenID Connect ID token").
 * The file is read each time: kubelet renews it.
 */
export async function issueFromIdentityProvider(
  iamTokens: IAMTokens,
  options: { readonly identityProvider: string; readonly tokenFile: string },
  iam: string,
  projectID: string,
): Promise<Issued<SecretText>> {
  const idToken = await readTokenFile(options.tokenFile);
  if (idToken === undefined) {
    const message = 'the file with the service account token is missing, empty or no token';
    return { ok: false, error: { class: 'misconfigured', message } };
  }
  const turn = { key: projectID, user: '', owner: '' };
  return iamTokens.issue(turn, {
    iam,
    path: '/v3.0/OS-AUTH/id-token/tokens',
    headers: { 'X-Idp-Id': options.identityProvider },
    body: { auth: { id_token: { id: idToken }, scope: { project: { id: projectID } } } },
    secrets: [idToken],
  });
}
