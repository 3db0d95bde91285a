import { readFileSync } from 'node:fs';
import type { Clock } from '../../clock.js';
import { isRecord } from '../../json.js';
import type { Environment } from '../../proxy.js';
import { KubeconfigError, type Credentials } from './access.js';
import type { AuthProviderUser } from './clientNode.js';
import { ExecPlugin, type ExecCredentials } from './execPlugin.js';
import { impersonation } from './impersonation.js';
import { problemOfCluster, problemOfUser } from './kubeconfigProblems.js';
import { clusterSchema, userSchema, type Cluster, type Kubeconfig, type User } from './kubeconfigFile.js';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * One context of a kubeconfig.
 *
 * @param wanted the name of a context; left out: the current one
 * @throws KubeconfigError for what kubectl refuses too, and for a named file that does not exist
 */
export function configOf(
  { currentContext, contexts, clusters, users }: Kubeconfig,
  where: string,
  wanted: string | undefined,
  clock: Clock,
): ClusterConfig {
  const context = contexts.get(wanted ?? currentContext);
  const cluster = context && clusters.get(context.cluster);
  if (context === undefined || cluster === undefined) {
    const named = wanted === undefined ? `current-context "${currentContext}"` : `context "${wanted}"`;
    const known = [...contexts.keys()].join(', ') || 'none';
    throw new KubeconfigError(
      `${where}: ${named} names no cluster; contexts: ${known}; choose one with kubectl config use-context`,
    );
  }
  const user = context.user === '' ? userSchema.parse({}) : users.get(context.user);
  if (user === undefined) throw new KubeconfigError(`${where}: there is no user "${context.user}"`);
  const problem = problemOfCluster(cluster, context.cluster) ?? problemOfUser(user, context.user);
  if (problem !== undefined) throw new KubeconfigError(`${where}: ${problem}`);
  return new ClusterConfig(cluster, user, context.user, context.namespace, clock);
}

/** The service account of the pod that this process runs in; undefined outside of one. */
export function readServiceAccount(env: Environment, clock: Clock): ClusterConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) return undefined;
  const cluster = clusterSchema.parse({
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    'certificate-authority': `${SERVICE_ACCOUNT}/ca.crt`,
  });
  const user = userSchema.parse({ tokenFile: `${SERVICE_ACCOUNT}/token` });
  try {
    const namespace = readFileSync(`${SERVICE_ACCOUNT}/namespace`, 'utf8').trim();
    return new ClusterConfig(cluster, user, 'of the pod', namespace, clock);
  } catch {
    return undefined;
  }
}

/** One context of a kubeconfig, or the pod's service account, read. */
export class ClusterConfig {
  readonly server: string;
  /** `proxy-url`, as it is written. */
  readonly proxyUrl: string | undefined;
  readonly namespace: string | undefined;
  readonly #plugin: ExecPlugin | undefined;
  #provider: AuthProviderUser | undefined;

  /**
   * @param userName the user's name in the kubeconfig; '' without a user
   * @throws KubeconfigError when a file that is named cannot be read
   */
  constructor(
    private readonly cluster: Cluster,
    private readonly user: User,
    readonly userName: string,
    namespace: string,
    clock: Clock,
  ) {
    this.server = cluster.server;
    this.proxyUrl = cluster['proxy-url'] || undefined;
    this.namespace = namespace || undefined;
    const { tls } = this.#read();
    this.#plugin = user.exec ? new ExecPlugin(user.exec, cluster, tls.ca, clock) : undefined;
  }

  /** Reads files again, and runs exec plugins whose credentials have expired. Rejects with their errors. */
  async credentials(): Promise<Credentials> {
    const issued = await this.#issue();
    const { headers, tls } = this.#read();
    return { headers: { ...issued.headers, ...headers }, tls: { ...tls, ...issued.tls } };
  }

  /** Credentials from a plugin or provider; not needed if the kubeconfig itself has credentials. */
  async #issue(): Promise<ExecCredentials> {
    const { token, tokenFile, username, 'auth-provider': provider } = this.user;
    if (token || tokenFile || username) return { headers: {} };
    if (this.#plugin !== undefined) return this.#plugin.credentials();
    if (!provider) return { headers: {} };
    if (this.#provider === undefined) {
      const { authProviderUser } = await import('./clientNode.js');
      this.#provider ??= authProviderUser(provider);
    }
    return { headers: await this.#provider() };
  }

  /** @throws KubeconfigError */
  #read(): Credentials {
    const { cluster, user } = this;
    const ca = material(cluster['certificate-authority'], cluster['certificate-authority-data']);
    const cert = material(user['client-certificate'], user['client-certificate-data']);
    const key = material(user['client-key'], user['client-key-data']);
    const servername = cluster['tls-server-name'];
    return {
      headers: { ...authorization(user), ...impersonation(user) },
      tls: {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(servername && { servername }),
        rejectUnauthorized: !cluster['insecure-skip-tls-verify'],
      },
    };
  }
}

/** The token's file goes before the token, which is used if the file cannot be read. */
function authorization({ token, tokenFile, username, password }: User): Credentials['headers'] {
  if (username)
    return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  const current = (tokenFile && readToken(tokenFile, token)) || token.trim();
  return current ? { Authorization: `Bearer ${current}` } : {};
}

/** Token files often end in a newline, which no header may contain. */
function readToken(file: string, otherwise: string): string {
  try {
    const token = readNamed(file).toString('utf8').trim();
    if (token !== '') return token;
  } catch (error) {
    if (!otherwise) throw error;
  }
  if (!otherwise) throw new KubeconfigError(`the token file ${file} is empty`);
  return otherwise.trim();
}

function material(file: string, data: string): Buffer | undefined {
  if (data) return Buffer.from(data, 'base64');
  return file ? readNamed(file) : undefined;
}

function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = isRecord(error) ? String(error['code']) : '';
    throw new KubeconfigError(`${file}, which the kubeconfig names, cannot be read (${code})`);
  }
}
