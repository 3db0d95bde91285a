import type { SecretText } from '../secretText.js';
import type { Authenticator } from './authenticator.js';
import type { IAMTokens } from './iamTokens.js';
import type { Logins } from './logins.js';
import type { Renewals } from './renewals.js';
import { renewedToken } from './token.js';

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
  return renewedToken(password, tokens, async ({ iam, projectID }, key) => {
    const login = logins.acquire({ iam, user, password, owner });
    if (login.kind === 'error') return { ok: false, error: login.error };
    const turn = { key, user, owner };
    const issued = await iamTokens.issue(turn, requestOf(credentials, iam, projectID));
    login.ended(issued.ok ? undefined : issued.error);
    return issued;
  });
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
