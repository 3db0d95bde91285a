import http from 'node:http';
import { createInterface } from 'node:readline';
import { listen, portOf, shut } from './listening.js';
import type { Upstream } from './upstream.js';

/** How often each lie is told, 0 to 1. */
export interface Lies {
  /** A 429 or 500 instead of the answer; nothing was done. */
  readonly refuse: number;
  /** What was asked for is done, and the connection is reset instead of an answer. */
  readonly swallow: number;
  /** An earlier list, with its earlier version, instead of the present one. */
  readonly staleList: number;
  /** Events of a watch that never come, come twice, or come after the next one. */
  readonly drop: number;
  readonly double: number;
  readonly swap: number;
  /** Ends the watch after an event. */
  readonly cut: number;
  /** Says after an event that the watch has expired. */
  readonly expire: number;
}

const EXPIRED = `${JSON.stringify({
  type: 'ERROR',
  object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 },
})}\n`;

/**
 * Stands between the operator and a Kubernetes API, and lies: worse than any API server is known to, and yet nothing
 * wrong may be written because of it.
 */
export class LyingApi {
  readonly #server: http.Server;
  readonly #lists = new Map<string, { readonly headers: http.IncomingHttpHeaders; readonly body: Buffer }>();
  readonly #watches = new Set<http.ServerResponse>();
  #lies: Lies | undefined;
  /** Whether watches get "expired": from repentance until everything was listed again. */
  #expired = false;
  #era = 0;
  /** How many lies of each kind were told. */
  readonly told: Record<keyof Lies, number> = {
    refuse: 0,
    swallow: 0,
    staleList: 0,
    drop: 0,
    double: 0,
    swap: 0,
    cut: 0,
    expire: 0,
  };

  /** @param random uniform in [0, 1) */
  constructor(
    private readonly upstream: Upstream,
    private readonly random: () => number,
  ) {
    this.#server = http.createServer((request, response) => this.#answer(request, response));
  }

  async start(): Promise<number> {
    await listen(this.#server);
    return portOf(this.#server);
  }

  lie(lies: Lies): void {
    this.#lies = lies;
  }

  /** Tells the truth from now on; the watches have expired, so that everything is listed again. */
  repent(): void {
    this.#lies = undefined;
    this.#expired = true;
    this.#era += 1;
    for (const watch of this.#watches) watch.end(EXPIRED);
  }

  async stop(): Promise<void> {
    await shut(this.#server);
  }

  #isLie(kind: keyof Lies): boolean {
    const lies = this.#lies !== undefined && this.random() < this.#lies[kind];
    if (lies) this.told[kind] += 1;
    return lies;
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const isWatch = url.searchParams.has('watch');
    // An operator that cannot renew its Lease ends, whatever else is true.
    const isLease = url.pathname.includes('/leases');
    const isList = !isWatch && request.method === 'GET' && url.pathname.endsWith('/cloudjobs');
    if (!isLease && this.#isLie('refuse')) {
      const throttled = this.random() < 0.5;
      const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: throttled ? 429 : 500 };
      request.resume();
      response.writeHead(body.code, {
        'content-type': 'application/json',
        ...(throttled ? { 'retry-after': '1' } : {}),
      });
      response.end(JSON.stringify(body));
      return;
    }
    if (isWatch && this.#expired) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(EXPIRED);
      return;
    }
    if (isList) this.#expired = false;
    const earlier = isList ? this.#lists.get(url.pathname) : undefined;
    if (earlier !== undefined && this.#isLie('staleList')) {
      response.writeHead(200, { 'content-type': earlier.headers['content-type'] ?? 'application/json' });
      response.end(earlier.body);
      return;
    }
    const era = this.#era;
    const { host: _, connection: __, ...headers } = request.headers;
    const outgoing = this.upstream.request(request.url ?? '/', { method: request.method, headers });
    outgoing.on('response', (answer) => {
      answer.on('error', () => response.destroy());
      if (isWatch) this.#watch(answer, response, era);
      else if (isLease) answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
      else this.#pass(answer, response, isList ? url.pathname : undefined);
    });
    response.on('close', () => outgoing.destroy());
    outgoing.on('error', () => response.destroy());
    request.pipe(outgoing);
  }

  #pass(answer: http.IncomingMessage, response: http.ServerResponse, list: string | undefined): void {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => void chunks.push(chunk));
    answer.on('end', () => {
      const body = Buffer.concat(chunks);
      if (list !== undefined && !this.#lists.has(list))
        this.#lists.set(list, { headers: answer.headers, body });
      if (this.#isLie('swallow')) {
        response.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.end(body);
    });
  }

  #watch(answer: http.IncomingMessage, response: http.ServerResponse, era: number): void {
    response.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (era !== this.#era) {
      response.end(EXPIRED);
      return;
    }
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
    let late: string | undefined;
    const lines = createInterface({ input: answer });
    lines.on('error', () => response.destroy());
    lines.on('line', (line) => {
      if (response.writableEnded || this.#isLie('drop')) return;
      if (late === undefined && this.#isLie('swap')) {
        late = line;
        return;
      }
      response.write(`${line}\n`);
      if (late !== undefined) response.write(`${late}\n`);
      late = undefined;
      if (this.#isLie('double')) response.write(`${line}\n`);
      if (this.#isLie('cut')) response.end();
      else if (this.#isLie('expire')) response.end(EXPIRED);
    });
    lines.on('close', () => void response.end());
  }
}
