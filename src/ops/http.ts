import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.js';

/** What a probe finds, and says to people. */
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

/** Requests are tiny; whoever sends one slowly is cut off. */
const REQUEST_TIMEOUT_MS = 5_000;

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
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
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
  server.maxConnections = 64;
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
