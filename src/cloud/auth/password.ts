import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';
import type { IAMTokens } from './iamTokens.js';
import type { Logins } from './logins.js';
import type { Issued, Renewals } from './renewals.js';

interface Password {
  readonly fingerprint: string;
  readonly userFingerprint: string;
  readonly username: SecretText;
  readonly password: SecretText;
  readonly domainName: SecretText;
}

/**
 * A user name and password, exchanged for a token of the project (IAM "obtaining a user token through password
 * authentication"). `tokens` and `logins` are shared by all CloudJobs; there is one token for each credential, project and IAM.
 */
export function passwordAuthenticator(
  credentials: Password,
  iamTokens: IAMTokens,
  tokens: Renewals<SecretText>,
  logins: Logins,
  owner: string,
): Authenticator {
  const { fingerprint: password, userFingerprint: user } = credentials;

  async function logIn(key: string, iam: string, projectID: string): Promise<Issued<SecretText>> {
    const login = logins.acquire({ iam, user, password, owner });
    if (login.kind === 'error') return { ok: false, error: login.error };
    const turn = { key, user, owner };
    const issued = await iamTokens.issue(turn, requestOf(credentials, iam, projectID));
    login.ended(issued.ok ? undefined : issued.error);
    return issued;
  }

  return {
    fingerprint: credentials.fingerprint,
    signs: false,
    async headers({ iam, projectID }, signal) {
      const key = JSON.stringify([credentials.fingerprint, projectID, iam]);
      const held = await tokens.get(key, () => logIn(key, iam, projectID), signal);
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
