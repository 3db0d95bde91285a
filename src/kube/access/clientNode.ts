import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeconfigError, type Credentials } from './access.js';
import type { AuthProvider } from './kubeconfigFile.js';

/** Current headers of a user with an auth provider. Rejects with the provider's error. */
export type AuthProviderUser = () => Promise<Credentials['headers']>;

/**
 * The auth providers of old kubeconfigs (`oidc`), which client-node knows. Only this file imports client-node, and only
 * when it is needed: loading it takes a second and 57 MB.
 */
export function authProviderUser({ name, config: fields }: AuthProvider): AuthProviderUser {
  const config = new KubeConfig();
  // client-node keeps the token until it expires.
  config.loadFromClusterAndUser(
    { name: 'cluster', server: 'https://unused.invalid', skipTLSVerify: false },
    { name: 'user', authProvider: { name, config: fields } },
  );
  return async () => {
    const options: RequestOptions = { headers: {} };
    await config.applyToHTTPSOptions(options);
    const token = new Headers(options.headers as Record<string, string>).get('Authorization');
    if (token === null) {
      throw new KubeconfigError(
        `the auth-provider "${name}" gives no token; log in again, or use an exec plugin in its place`,
      );
    }
    return { Authorization: token };
  };
}
