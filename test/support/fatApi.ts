import http from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { listen, portOf, shut } from './listening.js';
import type { Upstream } from './upstream.js';

/**
 * Stands before a Kubernetes API and makes objects longer than they are, in all that is read: nothing has to store
 * hundreds of megabytes for it.
 */
export class FatApi {
  /** What is served at that path instead of `json`: an answer, or an event of a watch. */
  fatten: (path: string, json: string) => string = (_, json) => json;
  readonly #server: http.Server;

  private constructor(private readonly upstream: Upstream) {
    // Longer than the operator keeps its own.
    const kept = { keepAliveTimeout: 90_000 };
    this.#server = http.createServer(kept, (request, response) => this.#pass(request, response));
  }

  static async start(upstream: Upstream): Promise<FatApi> {
    const api = new FatApi(upstream);
    await listen(api.#server);
    return api;
  }

  get port(): number {
    return portOf(this.#server);
  }

  async stop(): Promise<void> {
    await shut(this.#server);
  }

  #pass(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { host: _, connection: __, ...headers } = request.headers;
    const path = request.url ?? '/';
    const outgoing = this.upstream.request(path, { method: request.method, headers });
    response.on('close', () => outgoing.destroy());
    response.on('error', () => outgoing.destroy());
    outgoing.on('error', () => response.destroy());
    outgoing.on('response', (answer) => {
      answer.on('error', () => response.destroy());
      response.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] });
      response.flushHeaders();
      if (path.includes('watch=true')) {
        const lines = createInterface({ input: answer });
        lines.on('line', (line) => response.write(`${this.fatten(path, line)}\n`));
        lines.on('close', () => response.end());
        lines.on('error', () => response.destroy());
      } else {
        text(answer).then(
          (body) => response.end(this.fatten(path, body)),
          () => response.destroy(),
        );
      }
    });
    request.pipe(outgoing);
  }
}
