import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { load } from 'js-yaml';
import * as z from 'zod';
import type { Environment } from '../../proxy.js';
import type { ClusterConfig, Credentials } from './access.js';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Strict: whatever this file does not know is left to client-node. */
const clusterSchema = z.strictObject({
  server: z.string().min(1),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.base64().optional(),
  'tls-server-name': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'proxy-url': z.string().optional(),
  extensions: z.unknown().optional(),
});
const userSchema = z.strictObject({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.base64().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.base64().optional(),
});
const contextSchema = z.strictObject({
  cluster: z.string(),
  user: z.string().optional(),
  namespace: z.string().optional(),
  extensions: z.unknown().optional(),
});
const named = { name: z.string() };
const fileSchema = z.object({
  'current-context': z.string().optional(),
  contexts: z.array(z.object({ ...named, context: z.unknown() })),
  clusters: z.array(z.object({ ...named, cluster: z.unknown() })),
  users: z.array(z.object({ ...named, user: z.unknown() })).nullish(),
});

type PlainCluster = z.output<typeof clusterSchema>;
type PlainUser = z.output<typeof userSchema>;

/**
 * Reads a kubeconfig whose user has a token or a certificate, or nothing: what most have, and what client-node, with its
 * 57 MB of generated code, need not be loaded for. Undefined when it has anything else, or something is wrong with it.
 *
 * @param wanted the name of a context; left out: the current one
 */
export function readPlainKubeconfig(file: string, wanted?: string): ClusterConfig | undefined {
  try {
    const config = fileSchema.parse(load(readFileSync(file, 'utf8')));
    const context = contextSchema.parse(
      config.contexts.find(({ name }) => name === (wanted ?? config['current-context']))?.context,
    );
    const cluster = clusterSchema.parse(
      config.clusters.find(({ name }) => name === context.cluster)?.cluster,
    );
    const found = config.users?.find(({ name }) => name === context.user);
    if (context.user !== undefined && found === undefined) return undefined;
    const user = userSchema.parse(found?.user ?? {});
    if (isAmbiguous(cluster, 'certificate-authority', 'certificate-authority-data')) return undefined;
    if (isAmbiguous(user, 'token', 'tokenFile')) return undefined;
    if (isAmbiguous(user, 'client-certificate', 'client-certificate-data')) return undefined;
    if (isAmbiguous(user, 'client-key', 'client-key-data')) return undefined;
    const access = new PlainConfig(cluster, user, context.namespace, dirname(file), context.user ?? '');
    // A file that it names and that is not there is reported by client-node.
    access.read();
    return access;
  } catch {
    return undefined;
  }
}

/** The service account of the pod that this process runs in; undefined outside of one. */
export function readServiceAccount(env: Environment): ClusterConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) return undefined;
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const cluster = { server, 'certificate-authority': 'ca.crt' };
  try {
    const namespace = readFileSync(`${SERVICE_ACCOUNT}/namespace`, 'utf8').trim();
    const access = new PlainConfig(cluster, { tokenFile: 'token' }, namespace, SERVICE_ACCOUNT, 'of the pod');
    access.read();
    return access;
  } catch {
    return undefined;
  }
}

function isAmbiguous<T extends object>(fields: T, one: keyof T, other: keyof T): boolean {
  return fields[one] !== undefined && fields[other] !== undefined;
}

class PlainConfig implements ClusterConfig {
  readonly server: string;
  readonly proxyUrl: string | undefined;

  constructor(
    private readonly cluster: PlainCluster,
    private readonly user: PlainUser,
    readonly namespace: string | undefined,
    private readonly folder: string,
    readonly userName: string,
  ) {
    this.server = cluster.server;
    this.proxyUrl = cluster['proxy-url'];
  }

  credentials(): Promise<Credentials> {
    return new Promise((give) => {
      give(this.read());
    });
  }

  /** @throws an errno error when a file cannot be read */
  read(): Credentials {
    const { cluster, user } = this;
    const token = user.token ?? this.#file(user.tokenFile)?.toString('utf8');
    const ca = this.#material(cluster['certificate-authority'], cluster['certificate-authority-data']);
    const cert = this.#material(user['client-certificate'], user['client-certificate-data']);
    const key = this.#material(user['client-key'], user['client-key-data']);
    const servername = cluster['tls-server-name'];
    return {
      // Token files often end in a newline, which no header may contain.
      headers: token ? { Authorization: `Bearer ${token.trim()}` } : {},
      tls: {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(servername && { servername }),
        rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
      },
    };
  }

  #material(file: string | undefined, data: string | undefined): Buffer | undefined {
    return data ? Buffer.from(data, 'base64') : this.#file(file);
  }

  #file(path: string | undefined): Buffer | undefined {
    return path ? readFileSync(resolve(this.folder, path)) : undefined;
  }
}
