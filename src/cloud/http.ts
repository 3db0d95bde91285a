import * as http from 'node:http';
import * as https from 'node:https';
import axios, { AxiosError, AxiosHeaders, type AxiosResponse } from 'axios';
import type { Clock } from '../clock.js';
import { onAbort } from '../abort.js';
import type { CloudError, Headers } from './errors.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Used as it is: path and query are already encoded. */
  readonly url: URL;
  readonly headers: Headers;
  /** The exact bytes to send; a GET has none (a body would break its signature). */
  readonly body?: string;
  readonly signal: AbortSignal;
  /** For the whole request, in milliseconds; left out: the client's. */
  readonly timeoutMs?: number;
  /** The longest answer after decompression, in bytes; a longer one is `malformed`. Left out: the client's. */
  readonly maxBodyBytes?: number;
  /** What the answer must not repeat; it is taken out wherever it does. */
  readonly secrets?: readonly string[];
  /** Asked before the request is sent again; left out: it may be. */
  readonly mayRepeat?: () => boolean;
}

export type HttpAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** No answer, or none that was taken in whole. */
  | { readonly kind: 'failed'; readonly error: CloudError };

export interface Http {
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Closes idle connections; requests under way go on. */
  close(): void;
}

export interface HttpOptions {
  /** For a whole request, from connecting to the last byte, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** The longest answer after decompression, in bytes. Default 4 MiB. */
  readonly maxBodyBytes?: number;
  /** Told of each request that has ended. Must not throw. */
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
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_REQUEST_BYTES = 64 * 1024;
/** A token of 16,384 characters comes in a header; Node's default takes no more than that for all headers. */
const MAX_HEADER_BYTES = 64 * 1024;
const AGENT_OPTIONS = {
  keepAlive: true,
  maxSockets: 32,
  maxTotalSockets: 256,
  // As many as may be in use: polls come in bursts, and a new connection costs more than a call.
  maxFreeSockets: 32,
  // Gateways close idle connections after about a minute; closing first avoids the race.
  timeout: 30_000,
  scheduling: 'lifo',
} as const;
/** Shorter secrets would blank out ordinary words. */
const SHORTEST_SECRET = 8;

/**
 * The one door to the cloud's network. Redirects are not followed and no proxy of the environment is used: a request
 * and its secrets go to the named host or nowhere. Any status is an answer; nothing is thrown.
 */
export function createHttp(clock: Clock, options: HttpOptions = {}): Http {
  const { timeoutMs = TIMEOUT_MS, maxBodyBytes = MAX_BODY_BYTES, onEnd } = options;
  const httpAgent = new http.Agent(AGENT_OPTIONS);
  const httpsAgent = new https.Agent({ ...AGENT_OPTIONS, minVersion: 'TLSv1.2' });
  // Merged once: axios would merge it anew for each request, and half of its time goes there.
  const config = axios.mergeConfig(
    {},
    {
      httpAgent,
      httpsAgent,
      transport: { request: requestWithLongHeaders },
      proxy: false,
      maxRedirects: 0,
      maxContentLength: maxBodyBytes,
      responseType: 'arraybuffer',
      validateStatus: () => true,
    },
  );
  const ask = axios.getAdapter('http');

  async function attempt(request: HttpRequest): Promise<Attempt> {
    // One signal for axios, which takes one alone; `AbortSignal.any` costs more than the rest of this function.
    const end = new AbortController();
    let late = false;
    const giveUp = (): void => end.abort();
    const cancel = clock.schedule(request.timeoutMs ?? timeoutMs, () => {
      late = true;
      giveUp();
    });
    const forget = onAbort(request.signal, giveUp);
    const startedAt = clock.monotonic();
    let status: number | undefined;
    try {
      const response = await ask({
        ...config,
        method: request.method,
        url: request.url.href,
        headers: AxiosHeaders.from({ 'User-Agent': 'cloudjob-operator', ...request.headers }),
        ...(request.body === undefined ? {} : { data: request.body }),
        signal: end.signal,
        maxBodyLength: MAX_REQUEST_BYTES,
        ...(request.maxBodyBytes === undefined ? {} : { maxContentLength: request.maxBodyBytes }),
      });
      ({ status } = response);
      return { answer: readAnswer(response, request.secrets ?? []), stale: false };
    } catch (error) {
      const problem = request.signal.aborted
        ? 'the request was given up'
        : late
          ? 'no complete answer in time'
          : describeFailure(error);
      return {
        answer: { kind: 'failed', error: { class: classOf(problem, request), message: problem } },
        stale: request.method === 'GET' && isStaleConnection(error),
      };
    } finally {
      cancel();
      forget();
      onEnd?.({ method: request.method, status, durationMs: clock.monotonic() - startedAt });
    }
  }

  return {
    async send(request) {
      const first = await attempt(request);
      if (!first.stale || request.signal.aborted || request.mayRepeat?.() === false) return first.answer;
      return (await attempt(request)).answer;
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

/** Who sets a limit for one request has no use for more, now or later; the client's is for the worst case. */
function classOf(problem: string, { maxBodyBytes }: HttpRequest): CloudError['class'] {
  return problem === TOO_LONG && maxBodyBytes !== undefined ? 'malformed' : 'transient';
}

function requestWithLongHeaders(
  options: https.RequestOptions,
  onResponse: (response: http.IncomingMessage) => void,
): http.ClientRequest {
  const { request } = options.protocol === 'https:' ? https : http;
  return request({ ...options, maxHeaderSize: MAX_HEADER_BYTES }, onResponse);
}

interface Attempt {
  readonly answer: HttpAnswer;
  /** The server had closed the kept connection before the request reached it. */
  readonly stale: boolean;
}

function readAnswer(
  { status, headers, data }: AxiosResponse<Buffer>,
  secrets: readonly string[],
): HttpAnswer {
  const texts = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    redact(String(value), secrets),
  ]);
  const body = redact(new TextDecoder().decode(data), secrets);
  return { kind: 'answer', status, headers: Object.fromEntries(texts) as Headers, body };
}

function redact(text: string, secrets: readonly string[]): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length >= SHORTEST_SECRET) redacted = redacted.replaceAll(secret, '*');
  }
  return redacted;
}

function isStaleConnection(error: unknown): boolean {
  if (!(error instanceof AxiosError) || error.response !== undefined) return false;
  const { reusedSocket } = (error.request ?? {}) as { reusedSocket?: unknown };
  return reusedSocket === true && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

const TOO_LONG = 'the answer is too long';
const FAILURES: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was reset'],
  ['EPIPE', 'the connection was closed'],
  ['ECONNABORTED', 'the connection was aborted'],
  ['ETIMEDOUT', 'connecting timed out'],
  ['EHOSTUNREACH', 'the host cannot be reached'],
  ['ENETUNREACH', 'the network cannot be reached'],
  ['ENOTFOUND', 'the host name is unknown'],
  ['EAI_AGAIN', 'the host name cannot be resolved now'],
  ['CERT_HAS_EXPIRED', 'the TLS certificate has expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'the TLS certificate is for another host'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the TLS certificate is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'the TLS certificate is signed by an unknown authority'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'the TLS certificate is signed by an unknown authority'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'the TLS certificate is signed by an unknown authority'],
  ['ERR_INVALID_CHAR', 'a header has a character that HTTP does not allow'],
  ['Z_DATA_ERROR', 'the compressed answer is broken'],
  ['Z_BUF_ERROR', 'the compressed answer is cut short'],
]);

function describeFailure(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof message === 'string' && message.startsWith('maxContentLength')) return TOO_LONG;
  if (typeof code !== 'string') return 'the request failed';
  return `${FAILURES.get(code) ?? 'the request failed'} (${code})`;
}
