import type http from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { readBody, type BodyLimits } from '../body.js';
import type { Clock } from '../clock.js';
import { parseJSON } from '../json.js';
import { readRetryAfter } from '../retryAfter.js';
import { nothing, onAbort, untilAborted, withDeadline } from '../signals.js';
import type { ClusterAccess, Credentials, TlsMaterial } from './access/access.js';
import { closeIdle, makeAgents, type Agents } from './agents.js';
import { fromResponse, isLocal, isUnauthorized, localError } from './errors.js';
import { parseAnswer, readChunks, toKubeError } from './response.js';
import { Slots } from '../slots.js';
import { TRANSPORT_LIMITS, type TransportLimits } from './transportLimits.js';
import { asError, send, StaleSocket, type Outgoing } from './send.js';

/** One request to the API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, each segment percent-encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The longest answer; the transport's limit if left out. */
  readonly maxBytes?: number;
  /** The type of the body; `application/json` if left out. */
  readonly contentType?: string;
  /** The type of the answer; `application/json` if left out. */
  readonly accept?: string;
}

/** An error's answer is a small `Status`; at most this part of it (bytes) is read. */
const MAX_ERROR_BYTES = 64 * 1024;
/** The most answers above 256 KiB that are read at a time, in case somebody makes Secrets or CloudJobs very long. */
const LONG_ANSWERS = 4;
/** How often a request is tried again on another connection if the server had just closed the first. */
const STALE_SOCKET_RETRIES = 3;

/** The network, as the rest of this folder sees it. Methods throw only `KubeError`. */
export interface Transport {
  /** The parsed answer; undefined when it is empty. */
  request(request: KubeRequest, signal: AbortSignal): Promise<unknown>;
  /** Resolves with the body of a 200 once its headers have arrived; only `signal` ends it. */
  stream(request: KubeRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}

/** One request: its answer's headers arrived, or (status undefined) did not. */
export interface Attempt {
  readonly method: string;
  readonly status: number | undefined;
  readonly durationMs: number;
  /** The header: when the server answered, by its clock. */
  readonly date?: string;
}

export interface HttpTransportOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly limits?: Partial<TransportLimits>;
  /** Checked for each write when there is a connection to send it; false: it fails with `NotLeading`. */
  readonly mayWrite?: (() => boolean) | undefined;
  /** For metrics; must not throw. */
  readonly onAttempt?: (attempt: Attempt) => void;
}

/** Requests over kept-alive connections, which node's `http.Agent` pools; HTTP/1.1, no redirects, no compression. */
export class HttpTransport implements Transport {
  readonly #limits: TransportLimits;
  readonly #slots = new Slots(LONG_ANSWERS);
  #tls: TlsMaterial | undefined;
  #agents: Agents | undefined;

  constructor(private readonly options: HttpTransportOptions) {
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits };
  }

  async request(request: KubeRequest, signal: AbortSignal): Promise<unknown> {
    const what = describe(request);
    const { requestMs } = this.#limits;
    const limits = this.#bodyLimits(request.maxBytes ?? this.#limits.maxBytes, what);
    const late = (): Error => localError('DeadlineExceeded', `${what}: not finished within ${requestMs} ms`);
    return withDeadline(
      this.options.clock,
      requestMs,
      signal,
      async (given) => {
        try {
          const response = await this.#open(request, 'requests', given);
          return await readBody(response, limits, given, (bytes) => parseAnswer(bytes.toString(), what));
        } catch (error) {
          throw toKubeError(error, what, given);
        }
      },
      late,
    );
  }

  async stream(request: KubeRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const what = describe(request);
    try {
      return readChunks(await this.#open(request, 'streams', signal), what, signal);
    } catch (error) {
      throw toKubeError(error, what, signal);
    }
  }

  /** Closes every connection, including busy ones. */
  close(): void {
    this.#agents?.requests.destroy();
    this.#agents?.streams.destroy();
    this.#agents = undefined;
  }

  /** The answer's headers, status 2xx; retries where that is safe. */
  async #open(request: KubeRequest, pool: keyof Agents, signal: AbortSignal): Promise<http.IncomingMessage> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#openOnce(request, pool, signal);
      } catch (error) {
        // With a 401 the server has done nothing, so even a POST may be sent again with newer credentials.
        if (isUnauthorized(error) && !signal.aborted && this.options.access.renew()) continue;
        // The server closed an idle connection at the moment it was used. It may still have read the request, so a POST
        // is not repeated: a merge patch sets the same values again, a delete is bound to its uid, and a write with a
        // resourceVersion fails with a 409, which its caller handles anyway.
        const stale = error instanceof StaleSocket && request.method !== 'POST' && !signal.aborted;
        if (!stale || attempt >= STALE_SOCKET_RETRIES) throw error;
      }
    }
  }

  async #openOnce(
    request: KubeRequest,
    pool: keyof Agents,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { headers, tls: material } = await unlessAborted(this.options.access.credentials(), signal);
    const what = describe(request);
    const agents = this.#agentsFor(material);
    const startedAt = this.options.clock.monotonic();
    const ended = (code: number | undefined, date?: string): void =>
      this.options.onAttempt?.({
        method: request.method,
        status: code,
        durationMs: this.options.clock.monotonic() - startedAt,
        ...(date === undefined ? {} : { date }),
      });
    let response: http.IncomingMessage;
    try {
      const outgoing = this.#outgoing(request, agents[pool], headers);
      response = await send(outgoing, this.options.clock, this.#limits, signal);
    } catch (error) {
      ended(undefined);
      // A silent connection may be half-open, and its idle siblings too: no other request should wait for them.
      if (isLocal(error, 'DeadlineExceeded')) closeIdle(agents);
      throw error;
    }
    const status = response.statusCode ?? 0;
    ended(status, response.headers.date);
    if (status >= 200 && status < 300) return response;

    const body = await withDeadline(this.options.clock, this.#limits.headersMs, signal, (given) => {
      onAbort(given, () => void response.destroy());
      // If the body does not arrive, the status alone is the answer.
      const limits = this.#bodyLimits(MAX_ERROR_BYTES, what);
      return readBody(response, limits, given, (bytes) => parseJSON(bytes.toString())).catch(nothing);
    });
    throw fromResponse(
      status,
      what,
      body,
      readRetryAfter(response.headers['retry-after'], this.options.clock.now()),
    );
  }

  #outgoing(request: KubeRequest, agent: http.Agent, credentials: Credentials['headers']): Outgoing {
    const { access, userAgent, mayWrite } = this.options;
    const { server } = access;
    const { method, path, query, accept, contentType } = request;
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const prefix = server.pathname === '/' ? '' : server.pathname;
    return {
      what: describe(request),
      server,
      method,
      path: `${prefix}${path}${query === undefined || query.size === 0 ? '' : `?${query.toString()}`}`,
      headers: {
        Accept: accept ?? 'application/json',
        'User-Agent': userAgent,
        ...(body && { 'Content-Type': contentType ?? 'application/json', 'Content-Length': body.length }),
        ...credentials,
      },
      body,
      agent,
      maySend: method === 'GET' ? undefined : mayWrite,
    };
  }

  #bodyLimits(maxBytes: number, what: string): BodyLimits {
    const tooLong = (): Error =>
      localError('ResponseTooLarge', `${what}: the answer is larger than ${maxBytes} bytes`);
    return { maxBytes, slots: this.#slots, tooLong };
  }

  /** The pools; after a rotation of the certificates there are new ones, and the old ones drain. */
  #agentsFor(material: TlsMaterial): Agents {
    if (this.#agents !== undefined && isDeepStrictEqual(this.#tls, material)) return this.#agents;
    if (this.#agents !== undefined) closeIdle(this.#agents);
    this.#tls = material;
    this.#agents = makeAgents(this.options.access, material, this.#limits, this.options.clock);
    return this.#agents;
  }
}

function describe({ method, path }: KubeRequest): string {
  return `${method} ${path}`;
}

/** @throws the signal's reason when it aborts first */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const outcome = await untilAborted(promise, signal);
  if (outcome === 'aborted') throw asError(signal.reason);
  return outcome;
}
