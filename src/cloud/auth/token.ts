import type { SecretText } from '../secretText.js';
import type { AuthHeaders, Authenticator, AuthRequest } from './authenticator.js';
import type { Issued, Renewals } from './renewals.js';

/** A token that is renewed elsewhere. */
export function tokenAuthenticator(credentials: {
  readonly fingerprint: string;
  readonly token: SecretText;
}): Authenticator {
  return {
    fingerprint: credentials.fingerprint,
    signs: false,
    headers: () => Promise.resolve(tokenHeaders(credentials.token, () => false)),
  };
}

/** A token for each project and IAM; `issue` requests one, its `key` is that of the token. */
export function renewedToken(
  fingerprint: string,
  tokens: Renewals<SecretText>,
  issue: (request: AuthRequest, key: string) => Promise<Issued<SecretText>>,
): Authenticator {
  return {
    fingerprint,
    signs: false,
    async headers(request, signal) {
      const key = JSON.stringify([fingerprint, request.projectID, request.iam]);
      const held = await tokens.get(key, () => issue(request, key), signal);
      return held.ok ? tokenHeaders(held.value, held.rejected) : held;
    },
  };
}

function tokenHeaders(secret: SecretText, rejected: () => boolean): AuthHeaders {
  const token = secret.reveal();
  return { ok: true, headers: { 'X-Auth-Token': token }, secrets: [token], rejected };
}
