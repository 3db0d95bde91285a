import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { User } from '@kubernetes/client-node';
import type { Clock } from '../clock.js';
import { isRecord, localError } from './errors.js';

/** No usable configuration; the message says which file, what is wrong and what to do. Thrown at start only. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

/** What a TLS connection to the API server needs. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/** What one request is authenticated with. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/** Where the API server is and how this process may talk to it. */
export interface ClusterAccess {
  /** `http:` or `https:`; may have a path prefix, without a trailing slash. */
  readonly server: URL;
  /** The namespace of the kubeconfig's context, or the pod's own. */
  readonly namespace: string | undefined;
  /**
   * Current credentials, at most 10 s old.
   * @throws KubeError `CredentialsUnavailable`
   */
  credentials(): Promise<Credentials>;
  /** To be told of a 401: reads the configuration anew, at most every 10 s. Whether asking again may help. */
  renew(): boolean;
}

/** Files are read and exec plugins asked again after this time (milliseconds), so that rotated ones are used. */
const CREDENTIALS_AGE_MS = 10_000;
/** An exec plugin that has not answered after this time (milliseconds) is given up and started anew. */
const PLUGIN_PATIENCE_MS = 60_000;

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

interface Source {
  readonly where: string;
  readonly load: (config: KubeConfig) => void;
}

/**
 * Reads the named kubeconfig; without a name, the first that there is of `KUBECONFIG`, the pod's service account
 * and `~/.kube/config`. The server is fixed from then on; credentials are read again as they change. Plain `http`
 * servers are sent no credentials at all, as `kubectl` does it. Proxies are not supported.
 *
 * @throws KubeconfigError
 */
export function loadClusterAccess(file: string | undefined, clock: Clock): ClusterAccess {
  const source = findSource(file);
  const config = loadConfig(source);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new KubeconfigError(
      `${source.where}: current-context "${config.currentContext ?? ''}" names no cluster; set it with kubectl config use-context`,
    );
  }
  if (cluster.proxyUrl) {
    throw new KubeconfigError(
      `${source.where}: cluster "${cluster.name}": proxy-url is not supported; remove it`,
    );
  }
  const server = parseServer(cluster.server);
  if (server === undefined) {
    throw new KubeconfigError(
      `${source.where}: cluster "${cluster.name}": server must be an http or https URL`,
    );
  }
  const namespace = config.getContextObject(config.currentContext)?.namespace;
  return new KubeconfigAccess(source, config, server, namespace, clock);
}

interface Resolution {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly credentials: Promise<Credentials>;
  settled: boolean;
}

class KubeconfigAccess implements ClusterAccess {
  readonly server: URL;
  readonly namespace: string | undefined;
  readonly #source: Source;
  readonly #clock: Clock;
  #config: KubeConfig;
  #renewedAt = -Infinity;
  #current: Resolution | undefined;

  constructor(source: Source, config: KubeConfig, server: URL, namespace: string | undefined, clock: Clock) {
    this.#source = source;
    this.#config = config;
    this.server = server;
    this.namespace = namespace;
    this.#clock = clock;
  }

  credentials(): Promise<Credentials> {
    if (this.server.protocol === 'http:')
      return Promise.resolve({ headers: {}, tls: { rejectUnauthorized: true } });
    const now = this.#clock.monotonic();
    const current = this.#current;
    if (
      current !== undefined &&
      now - current.at < (current.settled ? CREDENTIALS_AGE_MS : PLUGIN_PATIENCE_MS)
    ) {
      return current.credentials;
    }
    const entry = { at: now, credentials: resolveCredentials(this.#config), settled: false };
    this.#current = entry;
    void this.#settle(entry);
    return entry.credentials;
  }

  /** A failure is not kept. */
  async #settle(entry: Resolution): Promise<void> {
    try {
      await entry.credentials;
      entry.settled = true;
    } catch {
      if (this.#current === entry) this.#current = undefined;
    }
  }

  renew(): boolean {
    const now = this.#clock.monotonic();
    if (this.server.protocol === 'http:' || now - this.#renewedAt < CREDENTIALS_AGE_MS) return false;
    this.#renewedAt = now;
    try {
      this.#config = loadConfig(this.#source);
    } catch {
      // A file that is being rewritten at this moment; what was read before may still serve.
      return false;
    }
    this.#current = undefined;
    return true;
  }
}

function findSource(file: string | undefined): Source {
  if (file !== undefined) return fileSource(file);
  const fromEnvironment = process.env['KUBECONFIG'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') {
    return { where: `KUBECONFIG ${fromEnvironment}`, load: (config) => config.loadFromDefault() };
  }
  if (process.env['KUBERNETES_SERVICE_HOST'] && existsSync(SERVICE_ACCOUNT_TOKEN)) {
    return { where: 'the service account of the pod', load: (config) => config.loadFromCluster() };
  }
  const home = join(homedir(), '.kube', 'config');
  if (existsSync(home)) return fileSource(home);
  throw new KubeconfigError(
    'no Kubernetes API is configured: name a kubeconfig file, set KUBECONFIG, or run in a pod with a service account',
  );
}

function fileSource(file: string): Source {
  return { where: `kubeconfig ${file}`, load: (config) => config.loadFromFile(file) };
}

function loadConfig({ where, load }: Source): KubeConfig {
  const config = new KubeConfig();
  try {
    load(config);
  } catch (error) {
    throw new KubeconfigError(`${where}: cannot be read: ${describe(error)}`);
  }
  // client-node leaves out the CA, too, when a context has no user.
  const cluster = config.getCurrentCluster();
  if (config.getCurrentUser() === null && cluster !== null) {
    config.loadFromClusterAndUser(cluster, { name: 'anonymous' });
  }
  for (const user of config.getUsers()) tellPluginVersion(user);
  return config;
}

/** Some exec plugins refuse to work without this variable, and client-node does not set it. */
function tellPluginVersion({ exec }: User): void {
  if (!isRecord(exec)) return;
  const value = JSON.stringify({
    apiVersion: exec['apiVersion'],
    kind: 'ExecCredential',
    spec: { interactive: false },
  });
  const env: unknown[] = Array.isArray(exec['env']) ? exec['env'] : [];
  Object.assign(exec, { env: [...env, { name: 'KUBERNETES_EXEC_INFO', value }] });
}

/** What may be told of an error: a YAML error's own message quotes the file, tokens included. */
function describe(error: unknown): string {
  if (!isRecord(error)) return 'it is not a kubeconfig';
  if (error['code'] === 'ENOENT') return 'it, or a file that it names, does not exist';
  if (typeof error['code'] === 'string') return error['code'];
  const mark = error['mark'];
  if (isRecord(mark) && typeof mark['line'] === 'number') return `line ${mark['line'] + 1} is not valid YAML`;
  return 'it is not a kubeconfig (a cluster, user or context lacks its name or its contents)';
}

function parseServer(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

async function resolveCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = { headers: {} };
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    // An exec plugin's output and a YAML error's text may contain a token: only the kind of failure is told.
    const code = isRecord(error) && typeof error['code'] === 'string' ? ` (${error['code']})` : '';
    const user = config.getCurrentUser()?.name ?? '';
    throw localError(
      'CredentialsUnavailable',
      `no credentials for user "${user}" of the kubeconfig${code}: check its exec plugin and the files that it names`,
    );
  }
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
