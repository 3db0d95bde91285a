import * as http from 'node:http';
import * as https from 'node:https';
import { pipeline } from 'node:stream';
import { createUnzip } from 'node:zlib';
import axios, { isAxiosError, type AxiosResponse } from 'axios';
import { readBody } from '../body.js';
import type { Clock } from '../clock.js';
import { CONNECTING, isReset, TunnelAgent } from '../connecting.js';
import { isRecord } from '../json.js';
import type { ProxyFor, ProxyServer } from '../proxy.js';
import { nothing, withDeadline } from '../signals.js';
import { Slots } from '../slots.js';
import type { CloudError, Headers } from './errors.js';
import { AnswerTooLong, describeFailure, isCertificateFault } from './httpFailures.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Used unchanged: path and query are already encoded. */
  readonly url: URL;
  readonly headers: Headers;
  /** The exact bytes to send; a GET has none (a body would break its signature). */
  readonly body?: string;
  readonly signal: AbortSignal;
  /** For the whole request, in milliseconds; left out: the client's deadline. */
  readonly timeoutMs?: number;
  /** Texts that are removed from the answer. */
  readonly secrets?: readonly string[];
  /** Called before the request is sent again; left out: it may be. */
  readonly mayRepeat?: () => boolean;
}

export type HttpAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** No answer, or no complete one. */
  | { readonly kind: 'failed'; readonly error: CloudError };

export interface Http {
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Closes idle connections; requests under way go on. */
  close(): void;
}

export interface HttpOptions {
  /** For a whole request, from connecting to the last byte, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** The longest answer after decompression, in bytes. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Left out: no proxy is used, even if the environment names one. */
  readonly proxyFor?: ProxyFor;
  /** Called when a request has ended. Must not throw. */
  readonly onEnd?: (request: EndedRequest) => void;
}

export interface EndedRequest {
  readonly method: string;
  /** Undefined: no complete answer. */
  readonly status: number | undefined;
  /** From before connecting to the last byte, in milliseconds. */
  readonly durationMs: number;
}

const TIMEOUT_MS = 10_000;
/** A job of 2,000 sub-jobs is shorter. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Answers of more than 256 KiB that are read at a time, over all regions. */
const LONG_ANSWERS = 16;
/** What Node may have read of an answer that nobody has taken yet. */
const READ_AHEAD_BYTES = 32 * 1024;
/** Of a request; IAM's have some hundred. */
const MAX_REQUEST_BYTES = 256 * 1024;
/** A token of 16,384 characters comes in a header; Node's default takes no more than that for all headers. */
const MAX_HEADER_BYTES = 64 * 1024;
const AGENT_OPTIONS = {
  keepAlive: true,
  maxSockets: 32,
  maxTotalSockets: 256,
  // As many idle ones as in use: polls come in bursts, and a new connection costs more than a call.
  maxFreeSockets: 32,
  // Gateways close idle connections after about a minute; closing first avoids the race.
  timeout: 30_000,
  scheduling: 'lifo',
  // With chunks of one byte, a connection reads tens of thousands before it stops.
  highWaterMark: 2048,
  ...CONNECTING,
} as const;
/** The part of the deadline for a tunnel: a silent proxy is then named before the request's deadline passes. */
const TUNNEL_SHARE = 0.8;
const TLS_OPTIONS = { ...AGENT_OPTIONS, minVersion: 'TLSv1.2' } as const;
/** Drops the byte order mark; bytes that are not UTF-8 become U+FFFD. */
const UTF8 = new TextDecoder();
/** Shorter secrets would blank out ordinary words. */
const SHORTEST_SECRET = 8;
/** The encodings that `unzip` knows; the request accepts no others. */
const COMPRESSED: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate']);

/** Node's own client, with the one option that axios has no name for. */
const TRANSPORT = {
  request(options: https.RequestOptions, onResponse: (response: http.IncomingMessage) => void) {
    const { request } = options.protocol === 'https:' ? https : http;
    return request({ ...options, maxHeaderSize: MAX_HEADER_BYTES }, onResponse);
  },
};

/** Bytes in, bytes out, unchanged. The agent handles the proxy, the signal the deadline. */
const client = axios.create({
  adapter: 'http',
  transport: TRANSPORT,
  proxy: false,
  maxRedirects: 0,
  maxBodyLength: MAX_REQUEST_BYTES,
  validateStatus: () => true,
  // axios keeps each chunk separately, and takes a truncated compressed answer for a complete one.
  responseType: 'stream',
  decompress: false,
  transformRequest: [],
  transformResponse: [],
});
/** Keeps axios from adding these headers: the signature covers the headers. */
const NO_DEFAULTS = { Accept: false, 'Content-Type': false };

/**
 * The only HTTP client for the cloud. It follows no redirects, and a proxy gets only the tunnel's target: the request and its
 * secrets go only to the named host. Any status is an answer; it never throws.
 */
export function createHttp(clock: Clock, options: HttpOptions = {}): Http {
  const { timeoutMs = TIMEOUT_MS, maxBodyBytes = MAX_BODY_BYTES, proxyFor, onEnd } = options;
  const httpAgent = new http.Agent(AGENT_OPTIONS);
  const directAgent = new https.Agent(TLS_OPTIONS);
  const tunnelAgents = new Map<ProxyServer, TunnelAgent>();
  const slots = new Slots(LONG_ANSWERS);

  function httpsAgentFor(url: URL): https.Agent {
    // Plain HTTP is for this machine and its metadata service, which are never behind a proxy.
    const proxy = url.protocol === 'https:' ? proxyFor?.(url) : undefined;
    if (proxy === undefined) return directAgent;
    const connectMs = timeoutMs * TUNNEL_SHARE;
    const agent = tunnelAgents.get(proxy) ?? new TunnelAgent(TLS_OPTIONS, { proxy, clock, connectMs });
    tunnelAgents.set(proxy, agent);
    return agent;
  }

  async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { method, url, body, secrets = [] } = request;
    const headers = { 'User-Agent': 'cloudjob-operator', 'Accept-Encoding': 'gzip', ...request.headers };
    checkHeaders(headers);
    const response = await client.request<http.IncomingMessage>({
      method,
      url: url.href,
      headers: { ...NO_DEFAULTS, ...headers },
      data: body,
      signal,
      httpAgent,
      httpsAgent: httpsAgentFor(url),
    });
    const limits = { maxBytes: maxBodyBytes, slots, tooLong: () => new AnswerTooLong() };
    const text = await readBody(plainBytes(response), limits, signal, (bytes) => UTF8.decode(bytes));
    return {
      kind: 'answer',
      status: response.status,
      headers: readHeaders(response, secrets),
      body: redact(text, secrets),
    };
  }

  async function attempt(request: HttpRequest): Promise<Attempt> {
    const { method, signal } = request;
    const startedAt = clock.monotonic();
    const ended = (status?: number): void =>
      onEnd?.({ method, status, durationMs: clock.monotonic() - startedAt });
    let isLate = false;
    const late = (): Error => {
      isLate = true;
      return new Error('late');
    };
    try {
      const work = (given: AbortSignal): Promise<HttpAnswer> => exchange(request, given);
      const answer = await withDeadline(clock, request.timeoutMs ?? timeoutMs, signal, work, late);
      ended(answer.kind === 'answer' ? answer.status : undefined);
      return { answer, stale: false };
    } catch (error) {
      ended();
      const message = signal.aborted
        ? 'the request was given up'
        : isLate
          ? 'no complete answer in time'
          : describeFailure(error);
      return {
        answer: {
          kind: 'failed',
          error: { class: isCertificateFault(error) ? 'misconfigured' : 'transient', message },
        },
        stale: method === 'GET' && isStale(error),
      };
    }
  }

  return {
    async send(request) {
      const first = await attempt(request);
      if (!first.stale || request.signal.aborted || request.mayRepeat?.() === false) return first.answer;
      return (await attempt(request)).answer;
    },
    close() {
      for (const agent of [httpAgent, directAgent, ...tunnelAgents.values()]) agent.destroy();
    },
  };
}

interface Attempt {
  readonly answer: HttpAnswer;
  /** The server closed the keep-alive connection before the request reached it. */
  readonly stale: boolean;
}

/** axios would drop invalid characters of a header and send the rest: another token, and perhaps another signature. */
function checkHeaders(headers: Headers): void {
  for (const [name, value] of Object.entries(headers)) http.validateHeaderValue(name, value);
}

/** The answer's bytes, decompressed. @throws AnswerTooLong, or the stream's error */
async function* plainBytes({ headers, data }: AxiosResponse<http.IncomingMessage>): AsyncGenerator<Buffer> {
  const encoding = String(headers['content-encoding'] ?? '').toLowerCase();
  if (!COMPRESSED.has(encoding)) return yield* bodyBytes(data);
  // The last stream throws the errors of all.
  const plain = pipeline(bodyBytes(data), createUnzip(), nothing);
  try {
    yield* plain;
  } catch (error) {
    // Servers also label empty bodies as compressed.
    const isEmpty = plain.bytesWritten === 0 && isRecord(error) && error['code'] === 'Z_BUF_ERROR';
    if (!isEmpty) throw error;
  }
}

/** A megabyte in chunks of one byte takes seconds to read while others wait, so it is given up. */
async function* bodyBytes(data: http.IncomingMessage): AsyncGenerator<Buffer> {
  const { socket } = data;
  const before = socket.bytesRead;
  let length = 0;
  for await (const chunk of data as AsyncIterable<Buffer>) {
    length += chunk.length;
    const onTheWire = data.complete ? 0 : socket.bytesRead - before;
    if (onTheWire > 2 * length + READ_AHEAD_BYTES) throw new AnswerTooLong();
    yield chunk;
  }
}

function readHeaders({ headers }: AxiosResponse, secrets: readonly string[]): Headers {
  const texts = Object.entries(headers).map(([name, value]) => [name, redact(String(value), secrets)]);
  return Object.fromEntries(texts) as Headers;
}

function redact(text: string, secrets: readonly string[]): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length >= SHORTEST_SECRET) redacted = redacted.replaceAll(secret, '*');
  }
  return redacted;
}

function isStale(error: unknown): boolean {
  if (!isAxiosError(error) || error.response !== undefined) return false;
  const { reusedSocket } = (error.request ?? {}) as { reusedSocket?: boolean };
  return reusedSocket === true && isReset(error);
}
