import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';

/** A token that is renewed elsewhere. */
export function tokenAuthenticator(credentials: {
  readonly fingerprint: string;
  readonly token: SecretText;
}): Authenticator {
  return {
    fingerprint: credentials.fingerprint,
    signs: false,
    headers: () =>
      Promise.resolve({
        ok: true,
        headers: { 'X-Auth-Token': credentials.token.reveal() },
        secrets: [credentials.token.reveal()],
        rejected: () => false,
      }),
  };
}
