import http from 'node:http';
import { listen, portOf, shut } from './listening.js';
import type { Upstream } from './upstream.js';

/** A request that came through, as it came. */
export interface Call {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Milliseconds of the process's monotonic clock. */
  readonly at: number;
}

/** What becomes of a request: it is passed on; it gets another answer, or none, and nothing is done. */
export type Treatment =
  | 'pass'
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> };

/** The most calls that are remembered. */
const MAX_CALLS = 100_000;

/**
 * A door in plain HTTP to any Kubernetes API, in the name of the upstream's user. It keeps a record of the requests
 * through it, and does to it what a test says.
 */
export class ApiProxy {
  readonly calls: Call[] = [];
  /** Asked about each request before it is passed on. */
  treat: (call: Call) => Treatment = () => 'pass';
  /** Called for each request that was carried out, before its answer is passed on; false: it is not passed on. */
  deliver: (call: Call) => boolean = () => true;
  readonly #server: http.Server;
  #stalled: (() => void)[] | undefined;

  private constructor(private readonly upstream: Upstream) {
    this.#server = http.createServer((request, response) => this.#take(request, response));
  }

  static async start(upstream: Upstream): Promise<ApiProxy> {
    const proxy = new ApiProxy(upstream);
    await listen(proxy.#server);
    return proxy;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** The calls that change something, those on Leases left out. */
  get writes(): readonly Call[] {
    return this.calls.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases'));
  }

  /** From now on nothing comes through in either direction, and no connection ends, until `flow`. */
  stall(): void {
    this.#stalled ??= [];
  }

  /** What was held back comes through. */
  flow(): void {
    const held = this.#stalled ?? [];
    this.#stalled = undefined;
    for (const goOn of held) goOn();
  }

  /** Resets every connection; new ones are taken. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    await shut(this.#server);
  }

  #whenFlowing(goOn: () => void): void {
    if (this.#stalled === undefined) goOn();
    else this.#stalled.push(goOn);
  }

  #take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const call = { method: request.method ?? 'GET', path: request.url ?? '/', at: performance.now() };
    this.calls.push(call);
    this.calls.splice(0, this.calls.length - MAX_CALLS);
    this.#whenFlowing(() => {
      const treatment = this.treat(call);
      if (treatment === 'pass') this.#pass(call, request, response);
      else if (treatment === 'reset') request.socket.resetAndDestroy();
      else if (treatment !== 'hang') refuse(request, response, treatment.status, treatment.headers);
    });
  }

  #pass(call: Call, request: http.IncomingMessage, response: http.ServerResponse): void {
    const { host: _, connection: __, ...headers } = request.headers;
    const outgoing = this.upstream.request(call.path, { method: call.method, headers });
    response.on('close', () => outgoing.destroy());
    outgoing.on('error', () => response.destroy());
    outgoing.on('response', (answer) => {
      answer.on('error', () => response.destroy());
      const { connection: ___, ...answerHeaders } = answer.headers;
      this.#whenFlowing(() => {
        if (!this.deliver(call)) return;
        response.writeHead(answer.statusCode ?? 500, answerHeaders);
        // A watch that has nothing to send has begun all the same.
        response.flushHeaders();
        answer.on('data', (chunk: Buffer) => this.#whenFlowing(() => void response.write(chunk)));
        answer.on('end', () => this.#whenFlowing(() => void response.end()));
      });
    });
    request.pipe(outgoing);
  }
}

/** An answer as the API server gives it. */
function refuse(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  code: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  request.resume();
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code }));
}
