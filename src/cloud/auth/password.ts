import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';
import type { IAMTokens } from './iamTokens.js';
import type { Renewals } from './renewals.js';

interface Password {
  readonly fingerprint: string;
  readonly username: SecretText;
  readonly password: SecretText;
  readonly domainName: SecretText;
}

/**
 * A user name and password, exchanged for a token of the project (IAM "obtaining a user token through password
 * authentication"). `tokens` is shared by all CloudJobs, and holds one token for each credential, project and IAM.
 */
export function passwordAuthenticator(
  credentials: Password,
  iamTokens: IAMTokens,
  tokens: Renewals<SecretText>,
): Authenticator {
  return {
    fingerprint: credentials.fingerprint,
    signs: false,
    async headers({ iam, projectID }, signal) {
      const key = JSON.stringify([credentials.fingerprint, projectID, iam]);
      const held = await tokens.get(
        key,
        () => iamTokens.issue(requestOf(credentials, iam, projectID)),
        signal,
      );
      if (!held.ok) return held;
      const token = held.value.reveal();
      return { ok: true, headers: { 'X-Auth-Token': token }, secrets: [token], rejected: held.rejected };
    },
  };
}

function requestOf(credentials: Password, iam: string, projectID: string) {
  const password = credentials.password.reveal();
  const user = {
    domain: { name: credentials.domainName.reveal() },
    name: credentials.username.reveal(),
    password,
  };
  return {
    iam,
    path: '/v3/auth/tokens?nocatalog=true',
    headers: {},
    body: {
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { id: projectID } },
      },
    },
    secrets: [password, user.name, user.domain.name],
  };
}
