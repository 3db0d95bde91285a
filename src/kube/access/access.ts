import type { ProxyServer } from '../../proxy.js';

/** No usable configuration or credentials; the message says where and what is wrong, and holds no secret. */
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
  /** A list is as many lines. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly tls: TlsMaterial;
}

/** Where the API server is and how this process may talk to it. */
export interface ClusterAccess {
  /** `http:` or `https:`; may have a path prefix, without a trailing slash. */
  readonly server: URL;
  /** The namespace of the kubeconfig's context, or the pod's own. */
  readonly namespace: string | undefined;
  /** What stands between this process and the API server; left out: nothing. */
  readonly proxy?: ProxyServer | undefined;
  /**
   * Current credentials, at most 10 s old.
   * @throws KubeError `CredentialsUnavailable`
   */
  credentials(): Promise<Credentials>;
  /** After a 401: reads the configuration anew, at most every 10 s. Whether to send the request again may help. */
  renew(): boolean;
}

/** A kubeconfig's current context, read. */
export interface ClusterConfig {
  readonly server: string;
  readonly namespace: string | undefined;
  /** `proxy-url`, as it is written. */
  readonly proxyUrl: string | undefined;
  /** Of the kubeconfig; '' without a user. */
  readonly userName: string;
  /** Reads files anew, and runs exec plugins whose credentials have expired. Rejects with whatever they fail with. */
  credentials(): Promise<Credentials>;
}
