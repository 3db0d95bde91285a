import * as http from 'node:http';
import * as https from 'node:https';
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { nothing } from '../signals.js';

/** A server's answer, decompressed. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A request that is under way. */
export interface Exchange {
  /** Rejects with the network's error, or with one of those below. */
  readonly answer: Promise<RawAnswer>;
  /** Ends it, unless it has ended; the answer is then rejected at once. */
  readonly giveUp: () => void;
}

/** The server had closed the kept connection before the request reached it. */
export class StaleConnection extends Error {}

/** The answer has more bytes than may be, before or after decompression. */
export class AnswerTooLong extends Error {}

const decompress = promisify(unzip);
/** What `unzip` knows; more is not asked for. */
const COMPRESSED: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate']);

/**
 * Sends one request with Node's client, and takes the answer, whatever its status, as a whole. Redirects are not followed.
 * (Why with no library above it: docs/performance.md, Polls.)
 *
 * @param maxBytes of the body, 0 or more
 */
export function exchange(
  url: URL,
  options: https.RequestOptions,
  body: string | undefined,
  maxBytes: number,
): Exchange {
  const { request } = url.protocol === 'https:' ? https : http;
  let giveUp = nothing;
  const answer = new Promise<RawAnswer>((resolve, reject) => {
    const sent = request(url, options);
    let answered = false;
    giveUp = () => {
      sent.destroy();
      // One that waits for a free connection would say so only when it gets one.
      reject(new Error('given up'));
    };
    sent.on('response', (response) => {
      answered = true;
      readAnswer(response, maxBytes).then(resolve, reject);
    });
    sent.on('error', (error) => {
      reject(sent.reusedSocket && !answered && isClosed(error) ? new StaleConnection() : error);
    });
    sent.end(body);
  });
  return { answer, giveUp: () => giveUp() };
}

async function readAnswer(response: http.IncomingMessage, maxBytes: number): Promise<RawAnswer> {
  const { statusCode: status = 0, headers } = response;
  const bytes = await readAll(response, maxBytes);
  const isCompressed = COMPRESSED.has(headers['content-encoding']?.toLowerCase() ?? '');
  return { status, headers, body: isCompressed ? await decompressed(bytes, maxBytes) : bytes };
}

function readAll(response: http.IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maxBytes) response.destroy(new AnswerTooLong());
    });
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('error', reject);
  });
}

/** Servers label empty bodies, too. */
async function decompressed(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  if (bytes.length === 0) return bytes;
  try {
    return await decompress(bytes, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    throw codeOf(error) === 'ERR_BUFFER_TOO_LARGE' ? new AnswerTooLong() : error;
  }
}

function isClosed(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** Of an error of Node's or of the system. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
