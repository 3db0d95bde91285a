import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type { Clock } from '../clock.js';
import { CONNECTING, PlainTunnelAgent, TunnelAgent } from '../connecting.js';
import type { ClusterAccess, TlsMaterial } from './access/access.js';
import { localError } from './errors.js';
import type { TransportLimits } from './transportLimits.js';

/** The pools of keep-alive connections. Streams have their own, so that they cannot use up those for requests. */
export interface Agents {
  readonly requests: http.Agent;
  readonly streams: http.Agent;
}

/** @throws KubeError `CredentialsUnavailable` when the certificates cannot be used */
export function makeAgents(
  access: Pick<ClusterAccess, 'server' | 'proxy'>,
  material: TlsMaterial,
  limits: TransportLimits,
  clock: Clock,
): Agents {
  const options = { keepAlive: true, keepAliveMsecs: 15_000, timeout: limits.idleMs, ...CONNECTING };
  const bounded = { ...options, maxSockets: limits.maxSockets, maxFreeSockets: limits.maxSockets };
  const make = agentMaker(access, material, limits.connectMs, clock);
  return { requests: make(bounded), streams: make(options) };
}

function agentMaker(
  { server, proxy }: Pick<ClusterAccess, 'server' | 'proxy'>,
  material: TlsMaterial,
  connectMs: number,
  clock: Clock,
): (options: http.AgentOptions) => http.Agent {
  const tunnels = proxy && { proxy, clock, connectMs };
  if (server.protocol === 'http:') {
    return (options) => (tunnels ? new PlainTunnelAgent(options, tunnels) : new http.Agent(options));
  }
  const { ca, cert, key, ...rest } = material;
  const secure = {
    ...rest,
    ...secureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }),
  };
  return (options) => {
    const all = { ...options, ...secure };
    return tunnels ? new TunnelAgent(all, tunnels) : new https.Agent(all);
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

/** Closes the idle connections. */
export function closeIdle({ requests, streams }: Agents): void {
  for (const agent of [requests, streams]) {
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}
