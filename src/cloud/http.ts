import * as http from 'node:http';
import * as https from 'node:https';
import type { Clock } from '../clock.js';
import type { CloudError, Headers } from './errors.js';
import { AnswerTooLong, codeOf, exchange, StaleConnection, type RawAnswer } from './exchange.js';
import { onAbort } from '../signals.js';

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
/** Leaves out the byte order mark; bytes that are no UTF-8 become U+FFFD. */
const UTF8 = new TextDecoder();
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

  async function attempt(request: HttpRequest): Promise<Attempt> {
    const { method, url, signal, secrets = [] } = request;
    const agent = url.protocol === 'https:' ? httpsAgent : httpAgent;
    const headers = { 'User-Agent': 'cloudjob-operator', 'Accept-Encoding': 'gzip', ...request.headers };
    const sending = { method, agent, headers, maxHeaderSize: MAX_HEADER_BYTES };
    const startedAt = clock.monotonic();
    const underWay = exchange(url, sending, request.body, request.maxBodyBytes ?? maxBodyBytes);
    let late = false;
    const cancel = clock.schedule(request.timeoutMs ?? timeoutMs, () => {
      late = true;
      underWay.giveUp();
    });
    const forget = onAbort(signal, () => underWay.giveUp());
    let status: number | undefined;
    try {
      const raw = await underWay.answer;
      ({ status } = raw);
      return { answer: readAnswer(raw, secrets), stale: false };
    } catch (error) {
      const problem = signal.aborted
        ? 'the request was given up'
        : late
          ? 'no complete answer in time'
          : describeFailure(error);
      return {
        answer: { kind: 'failed', error: { class: classOf(problem, request), message: problem } },
        stale: method === 'GET' && error instanceof StaleConnection,
      };
    } finally {
      cancel();
      forget();
      onEnd?.({ method, status, durationMs: clock.monotonic() - startedAt });
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

interface Attempt {
  readonly answer: HttpAnswer;
  /** The server had closed the kept connection before the request reached it. */
  readonly stale: boolean;
}

function readAnswer({ status, headers, body }: RawAnswer, secrets: readonly string[]): HttpAnswer {
  const texts = Object.entries(headers).map(([name, value]) => [name, redact(String(value), secrets)]);
  return {
    kind: 'answer',
    status,
    headers: Object.fromEntries(texts) as Headers,
    body: redact(UTF8.decode(body), secrets),
  };
}

function redact(text: string, secrets: readonly string[]): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length >= SHORTEST_SECRET) redacted = redacted.replaceAll(secret, '*');
  }
  return redacted;
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
  if (error instanceof AnswerTooLong) return TOO_LONG;
  const code = codeOf(error);
  if (code === undefined) return 'the request failed';
  return `${FAILURES.get(code) ?? 'the request failed'} (${code})`;
}
