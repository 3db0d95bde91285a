import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** A request as the script sees it; the body is read already. */
export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export type Script = (request: ScriptedRequest, response: http.ServerResponse) => void;

/** A real HTTP server on a free port that answers as the test says. */
export class ScriptedServer {
  readonly requests: ScriptedRequest[] = [];
  connections = 0;
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(script: Script, certificate: https.ServerOptions | undefined) {
    const listener: http.RequestListener = (message, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
        const url = new URL(message.url ?? '/', 'http://server');
        const request = {
          method: message.method ?? '',
          path: url.pathname,
          query: url.searchParams,
          headers: message.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        };
        this.requests.push(request);
        script(request, response);
      })();
    };
    this.#server = certificate ? https.createServer(certificate, listener) : http.createServer(listener);
    this.#server.keepAliveTimeout = 0;
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** @param certificate and its key; left out: plain HTTP */
  static async start(script: Script, certificate?: https.ServerOptions): Promise<ScriptedServer> {
    const server = new ScriptedServer(script, certificate);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends all connections, the busy ones by a reset. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function json(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** A metav1.Status as the API server sends it with an error. */
export function statusBody(code: number, reason: string, message: string): Record<string, unknown> {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code };
}
