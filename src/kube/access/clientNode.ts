import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { User } from '@kubernetes/client-node';
import { isRecord } from '../../json.js';
import { KubeconfigError, type ClusterConfig, type Credentials } from './access.js';

/**
 * Reads a kubeconfig with client-node, which knows all that there can be in one. The only file that imports it, and
 * itself only imported where it is needed: loading it takes a second and 57 MB.
 *
 * @param context left out: the current one
 * @throws KubeconfigError
 */
export function loadWithClientNode(
  where: string,
  context: string | undefined,
  fill: (config: KubeConfig) => void,
): ClusterConfig {
  const config = new KubeConfig();
  try {
    fill(config);
  } catch (error) {
    throw new KubeconfigError(`${where}: cannot be read: ${describe(error)}`);
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null && context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    throw new KubeconfigError(
      `${where}: context "${context}" names no cluster; contexts: ${names.join(', ') || 'none'}`,
    );
  }
  if (cluster === null) {
    throw new KubeconfigError(
      `${where}: current-context "${config.currentContext ?? ''}" names no cluster; set it with kubectl config use-context`,
    );
  }
  const namespace = config.getContextObject(config.currentContext)?.namespace;
  // client-node leaves out the CA, too, when a context has no user.
  if (config.getCurrentUser() === null) config.loadFromClusterAndUser(cluster, { name: 'anonymous' });
  for (const user of config.getUsers()) announceVersion(user);
  return {
    server: cluster.server,
    namespace,
    proxyUrl: cluster.proxyUrl,
    userName: config.getCurrentUser()?.name ?? '',
    credentials: () => resolveCredentials(config),
  };
}

/** Some exec plugins refuse to work without this variable, and client-node does not set it. */
function announceVersion({ exec }: User): void {
  if (!isRecord(exec)) return;
  const value = JSON.stringify({
    apiVersion: exec['apiVersion'],
    kind: 'ExecCredential',
    spec: { interactive: false },
  });
  const env: unknown[] = Array.isArray(exec['env']) ? exec['env'] : [];
  Object.assign(exec, { env: [...env, { name: 'KUBERNETES_EXEC_INFO', value }] });
}

/** What may be said of an error: a YAML error's own message quotes the file, tokens included. */
function describe(error: unknown): string {
  if (!isRecord(error)) return 'it is not a kubeconfig';
  if (error['code'] === 'ENOENT') return 'it, or a file that it names, does not exist';
  if (typeof error['code'] === 'string') return error['code'];
  const mark = error['mark'];
  if (isRecord(mark) && typeof mark['line'] === 'number') return `line ${mark['line'] + 1} is not valid YAML`;
  return 'it is not a kubeconfig (a cluster, user or context lacks its name or its contents)';
}

async function resolveCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  return {
    headers: authHeaders(options),
    tls: {
      ...buffer('ca', options.ca),
      ...buffer('cert', options.cert),
      ...buffer('key', options.key),
      ...(options.servername === undefined ? {} : { servername: options.servername }),
      rejectUnauthorized: options.rejectUnauthorized ?? true,
    },
  };
}

function authHeaders({ headers, auth }: RequestOptions): Record<string, string> {
  const result: Record<string, string> = {};
  // Token files often end in a newline, which no header may contain.
  for (const [name, value] of Object.entries(headers ?? {})) result[name] = String(value).trim();
  if (typeof auth === 'string') {
    result['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  }
  return result;
}

function buffer(name: 'ca' | 'cert' | 'key', value: unknown): Readonly<Record<string, Buffer>> {
  if (Buffer.isBuffer(value)) return { [name]: value };
  return typeof value === 'string' ? { [name]: Buffer.from(value) } : {};
}
