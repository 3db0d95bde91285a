import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  /** The path and query as they came over the wire. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A real HTTP server on a free port, which remembers the requests. */
export class TestServer {
  readonly seen: Seen[] = [];
  #respond: (seen: Seen, response: ServerResponse, request: IncomingMessage) => void;
  readonly #server: Server;
  #arrived: (() => void)[] = [];

  constructor(respond: (seen: Seen, response: ServerResponse, request: IncomingMessage) => void) {
    this.#respond = respond;
    const listener: RequestListener = (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const seen = { method, path: url, headers, body };
        this.seen.push(seen);
        this.#respond(seen, response, request);
        for (const arrived of this.#arrived.splice(0)) arrived();
      });
    };
    this.#server = createServer({ maxHeaderSize: 64 * 1024 }, listener);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  respondWith(respond: (seen: Seen, response: ServerResponse, request: IncomingMessage) => void): void {
    this.#respond = respond;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when `count` requests have come. */
  async arrivals(count: number): Promise<void> {
    while (this.seen.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived.push(resolve);
      });
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

export function answerJSON(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
