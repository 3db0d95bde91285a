import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { localError } from './errors.js';
import type { TlsMaterial } from './access/kubeconfig.js';

/** The pools of kept-alive connections. Streams last, so they may not use up those that requests wait for. */
export interface Agents {
  readonly requests: http.Agent;
  readonly streams: http.Agent;
}

export interface PoolLimits {
  /** An idle connection is closed after this, in milliseconds. */
  readonly idleMs: number;
  /** Connections for requests; streams are as many as their callers open. */
  readonly maxSockets: number;
}

/** @throws KubeError `CredentialsUnavailable` when the certificates cannot be used */
export function makeAgents(server: URL, material: TlsMaterial, limits: PoolLimits): Agents {
  const options = { keepAlive: true, keepAliveMsecs: 15_000, timeout: limits.idleMs };
  const bounded = { ...options, maxSockets: limits.maxSockets, maxFreeSockets: limits.maxSockets };
  if (server.protocol === 'http:')
    return { requests: new http.Agent(bounded), streams: new http.Agent(options) };
  const { ca, cert, key, ...rest } = material;
  const secure = {
    ...rest,
    ...secureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }),
  };
  return {
    requests: new https.Agent({ ...bounded, ...secure }),
    streams: new https.Agent({ ...options, ...secure }),
  };
}

/** One context for all connections: the agent would otherwise compare the certificates' text on each request. */
function secureContext(options: tls.SecureContextOptions): tls.TLSSocketOptions {
  try {
    return { secureContext: tls.createSecureContext(options) };
  } catch {
    throw localError(
      'CredentialsUnavailable',
      'the certificate authority, client certificate or key of the kubeconfig cannot be used: they are not PEM or do not match',
    );
  }
}

/** Whether connections made with the one may serve requests that want the other. */
export function sameTls(a: TlsMaterial | undefined, b: TlsMaterial): boolean {
  return (
    a !== undefined &&
    a.rejectUnauthorized === b.rejectUnauthorized &&
    a.servername === b.servername &&
    sameBytes(a.ca, b.ca) &&
    sameBytes(a.cert, b.cert) &&
    sameBytes(a.key, b.key)
  );
}

function sameBytes(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b));
}

/** Closes the connections that nobody uses at the moment. */
export function closeIdle({ requests, streams }: Agents): void {
  for (const agent of [requests, streams]) {
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}
