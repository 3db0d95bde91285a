import type { ProxyServer } from '../../proxy.js';

/** No usable configuration or credentials. The message names the place and the problem, and has no secret. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

/** The options of a TLS connection to the API server. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/** The credentials of one request. */
export interface Credentials {
  /** A list becomes one header line for each entry. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly tls: TlsMaterial;
}

/** The API server's address and this process's access to it. */
export interface ClusterAccess {
  /** `http:` or `https:`; may have a path prefix, without a trailing slash. */
  readonly server: URL;
  /** The namespace of the kubeconfig's context, or the pod's own. */
  readonly namespace: string | undefined;
  /** The proxy between this process and the API server; left out: none. */
  readonly proxy?: ProxyServer | undefined;
  /**
   * Current credentials, at most 10 s old.
   * @throws KubeError `CredentialsUnavailable`
   */
  credentials(): Promise<Credentials>;
  /** After a 401: reads the configuration again, at most every 10 s. Returns whether a retry may help. */
  renew(): boolean;
}
