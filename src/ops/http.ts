import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a probe finds: undefined when all is well, else what is not, in a few words. */
export type Probe = () => string | undefined;

export interface OpsServer {
  /** The port that it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** Requests are tiny; whoever sends one slowly is cut off. */
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Serves the operator's own HTTP: `/healthz` (is there progress?) and `/readyz` (is the cache synced?), 200 `ok` or
 * 503 with the reason, to GET and HEAD.
 *
 * @throws when the port cannot be listened on
 */
export async function serveOps(port: number, routes: ReadonlyMap<string, Probe>): Promise<OpsServer> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      const probe = routes.get(request.url?.split('?')[0] ?? '');
      const known = probe !== undefined && (request.method === 'GET' || request.method === 'HEAD');
      const problem = known ? probe() : 'not found\n';
      response.writeHead(known ? (problem === undefined ? 200 : 503) : 404, {
        'content-type': 'text/plain; charset=utf-8',
      });
      response.end(problem ?? 'ok');
    },
  );
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
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
