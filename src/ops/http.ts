import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Metrics } from './metrics.js';

/** The result of a probe, and its text for people. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly text: string;
}

export type Probe = () => ProbeResult;

export interface OpsServer {
  /** The port that it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** The port cannot be listened on; the message is one line. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/** Requests are tiny. A client that sends no request, sends it slowly or does not read the answer is cut off. */
const REQUEST_TIMEOUT_MS = 5_000;
const CHECK_EVERY_MS = 1_000;
/** The most connections open at a time, from all peers and from one. */
const MAX_CONNECTIONS = 64;
const MAX_CONNECTIONS_OF_PEER = 16;

/**
 * Serves the operator's own HTTP: probes (200 or 503, with a text for people) and `/metrics`, to GET and HEAD.
 *
 * @throws PortError
 */
export async function serveOps(
  port: number,
  probes: ReadonlyMap<string, Probe>,
  metrics: Pick<Metrics, 'text' | 'contentType'>,
): Promise<OpsServer> {
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    (request, response) => {
      const path = request.url?.split('?')[0] ?? '';
      const probe = probes.get(path);
      const mayRead = request.method === 'GET' || request.method === 'HEAD';
      if (path === '/metrics' && mayRead) {
        metrics.text().then(
          (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
          () => response.writeHead(500).end(),
        );
        return;
      }
      const known = probe !== undefined && mayRead;
      const { ok, text } = known ? probe() : { ok: false, text: 'not found\n' };
      const status = ok ? 200 : known ? 503 : 404;
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(text);
    },
  );
  // For idle connections; the other timeouts are for requests that have begun.
  server.setTimeout(REQUEST_TIMEOUT_MS);
  boundConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const remedy = 'end what listens there, or choose another with --http-port';
      reject(new PortError(`port ${port} for probes and metrics: ${error.code ?? error.message}; ${remedy}`));
    });
    server.listen(port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Accepts every new connection, so that held connections cannot keep a probe out. When there are too many, it closes the
 * oldest one of the peer that has the most.
 */
function boundConnections(server: Server): void {
  /** The peer of each connection; the oldest connection first. */
  const open = new Map<Socket, string>();
  server.on('connection', (socket: Socket) => {
    open.set(socket, socket.remoteAddress ?? '');
    socket.once('close', () => open.delete(socket));
    const counts = new Map<string, number>();
    for (const peer of open.values()) counts.set(peer, (counts.get(peer) ?? 0) + 1);
    const most = Math.max(...counts.values());
    if (open.size <= MAX_CONNECTIONS && most <= MAX_CONNECTIONS_OF_PEER) return;
    const oldest = [...open].find(([, peer]) => counts.get(peer) === most)?.[0];
    if (oldest === undefined) return;
    open.delete(oldest);
    oldest.destroy();
  });
}
