import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../../clock.js';
import { localError } from '../errors.js';
import { isRecord } from '../../json.js';
import { parseProxy, ProxyError, readProxies, type Environment, type ProxyServer } from '../../proxy.js';
import { KubeconfigError, type ClusterAccess, type Credentials } from './access.js';
import { configOf, readServiceAccount, type ClusterConfig } from './clusterConfig.js';
import { readKubeconfigs } from './kubeconfigFile.js';

/** Files are read and exec plugins run again after this time (milliseconds), so that rotated credentials are used. */
const CREDENTIALS_AGE_MS = 10_000;
/** An exec plugin that has not answered after this time (milliseconds) is given up and started again. */
const PLUGIN_PATIENCE_MS = 60_000;

interface Source {
  readonly where: string;
  /** @throws KubeconfigError */
  readonly load: () => ClusterConfig;
}

/**
 * Reads the named kubeconfig; without a name, the first that exists: `KUBECONFIG` (all its files, merged), the pod's
 * service account, `~/.kube/config`. The server stays fixed; credentials are read again when they change. Plain `http`
 * servers get no credentials, as with `kubectl`. The proxy is `proxy-url`, else that of the environment, as in client-go.
 *
 * @param context of the kubeconfig; left out: its current one
 * @throws KubeconfigError
 * @throws ProxyError when the environment names a proxy that cannot be used
 */
export async function loadClusterAccess(
  file: string | undefined,
  clock: Clock,
  context?: string,
  env: Environment = process.env,
): Promise<ClusterAccess> {
  const source = findSource(file, context, env, clock);
  const config = source.load();
  const server = parseServer(config.server);
  if (server === undefined) {
    throw new KubeconfigError(`${source.where}: the cluster's server must be an http or https URL`);
  }
  const proxy = proxyOf(config, source.where) ?? readProxies(env)(server);
  return new KubeconfigAccess(source, config, server, proxy, clock);
}

function proxyOf({ proxyUrl }: ClusterConfig, where: string): ProxyServer | undefined {
  if (!proxyUrl) return undefined;
  try {
    return parseProxy(proxyUrl, `${where}: proxy-url`);
  } catch (error) {
    throw error instanceof ProxyError ? new KubeconfigError(error.message) : error;
  }
}

interface Resolution {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly credentials: Promise<Credentials>;
  settled: boolean;
}

class KubeconfigAccess implements ClusterAccess {
  readonly namespace: string | undefined;
  #config: ClusterConfig;
  #renewedAt = -Infinity;
  #current: Resolution | undefined;

  constructor(
    private readonly source: Source,
    config: ClusterConfig,
    readonly server: URL,
    readonly proxy: ProxyServer | undefined,
    private readonly clock: Clock,
  ) {
    this.#config = config;
    this.namespace = config.namespace;
  }

  credentials(): Promise<Credentials> {
    if (this.server.protocol === 'http:')
      return Promise.resolve({ headers: {}, tls: { rejectUnauthorized: true } });
    const now = this.clock.monotonic();
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
    const now = this.clock.monotonic();
    if (this.server.protocol === 'http:' || now - this.#renewedAt < CREDENTIALS_AGE_MS) return false;
    this.#renewedAt = now;
    try {
      this.#config = this.source.load();
    } catch {
      // The file may be in the middle of a rewrite; the earlier credentials may still work.
      return false;
    }
    this.#current = undefined;
    return true;
  }
}

function findSource(
  file: string | undefined,
  context: string | undefined,
  env: Environment,
  clock: Clock,
): Source {
  const { KUBECONFIG: list } = env;
  if (file !== undefined) return filesSource([file], `kubeconfig ${file}`, context, clock);
  if (list) return filesSource(list.split(delimiter).filter(Boolean), `KUBECONFIG ${list}`, context, clock);
  // A service account has no contexts.
  if (context === undefined && readServiceAccount(env, clock) !== undefined) {
    const where = 'the service account of the pod';
    return { where, load: () => readServiceAccount(env, clock) ?? unreadable(where) };
  }
  const home = join(homedir(), '.kube', 'config');
  if (existsSync(home)) return filesSource([home], `kubeconfig ${home}`, context, clock);
  throw new KubeconfigError(
    'no Kubernetes API is configured: name a kubeconfig file, set KUBECONFIG, or run in a pod with a service account',
  );
}

function filesSource(
  files: readonly string[],
  where: string,
  context: string | undefined,
  clock: Clock,
): Source {
  return { where, load: () => configOf(readKubeconfigs(files, where), where, context, clock) };
}

function unreadable(where: string): never {
  throw new KubeconfigError(`${where}: cannot be read any more`);
}

/** The text of a foreign error may contain a token, so only its code is reported. */
async function resolveCredentials(config: ClusterConfig): Promise<Credentials> {
  try {
    return await config.credentials();
  } catch (error) {
    const code = isRecord(error) && typeof error['code'] === 'string' ? ` (${error['code']})` : '';
    const why = error instanceof KubeconfigError ? error.message : `its auth-provider failed${code}`;
    throw localError(
      'CredentialsUnavailable',
      `no credentials for user "${config.userName}" of the kubeconfig: ${why}`,
    );
  }
}

function parseServer(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}
