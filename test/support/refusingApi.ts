import http from 'node:http';
import { listen, portOf, shut } from './listening.js';

/** What becomes of a request: it goes through, it is refused with a 403, or it is never answered. */
export type Treatment = 'pass' | 'refuse' | 'hang';

const REFUSAL = JSON.stringify({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'Forbidden',
  code: 403,
});

/** Stands between the operator and a Kubernetes API without TLS, and treats some requests badly. */
export class RefusingApi {
  readonly #server = http.createServer((request, response) => this.#answer(request, response));
  #treat: (method: string, path: string) => Treatment = () => 'pass';

  private constructor(private readonly target: { readonly host: string; readonly port: number }) {}

  static async start(target: { readonly host: string; readonly port: number }): Promise<RefusingApi> {
    const api = new RefusingApi(target);
    await listen(api.#server);
    return api;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** @param how gets the method, and the path with its query */
  treat(how: (method: string, path: string) => Treatment): void {
    this.#treat = how;
  }

  async stop(): Promise<void> {
    await shut(this.#server);
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { method = 'GET', url = '/', headers } = request;
    const treatment = this.#treat(method, url);
    if (treatment === 'hang') return;
    if (treatment === 'refuse') {
      request.resume();
      response.writeHead(403, { 'content-type': 'application/json' }).end(REFUSAL);
      return;
    }
    const upstream = http.request({ ...this.target, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.flushHeaders();
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    response.on('close', () => upstream.destroy());
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  }
}
