/** Of the connections to the API server: deadlines in milliseconds, sizes in bytes. */
export interface TransportLimits {
  /** TCP connect and TLS handshake; through a proxy, the tunnel too. */
  readonly connectMs: number;
  /** From a usable connection to the answer's headers. */
  readonly headersMs: number;
  /** A whole request: credentials, waiting for a free connection, connecting, headers and body. Not for streams. */
  readonly requestMs: number;
  /** An idle connection is closed after this. Below the API server's own 90 s, so that it rarely closes first. */
  readonly idleMs: number;
  /** The longest answer that is read as a whole. The API server accepts objects of up to 3 MiB, etcd of 1.5 MiB. */
  readonly maxBytes: number;
  /** The most connections for requests; further requests wait. Streams have their own connections, without a limit. */
  readonly maxSockets: number;
}

export const TRANSPORT_LIMITS: TransportLimits = {
  connectMs: 10_000,
  headersMs: 30_000,
  requestMs: 60_000,
  idleMs: 60_000,
  maxBytes: 8 * 1024 * 1024,
  maxSockets: 32,
};
