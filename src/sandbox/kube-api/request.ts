import type { IncomingMessage } from 'node:http';
import { badRequest, type Subject, invalid, ApiError } from './status.js';
import type { WriteOptions } from './target.js';

/** A request, read with bounds. */
export interface Request {
  readonly method: string;
  /** Decoded segments of the path. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  /** Without parameters, lower case; empty when there is none. */
  readonly contentType: string;
  readonly userAgent: string;
  readonly body: Buffer;
}

/** The largest body, in bytes, as on a real API server. */
const BODY_LIMIT = 3 * 1024 * 1024;

/** Reads a request to its end. @throws ApiError 413, or 400 for a path that cannot be decoded */
export async function readRequest(message: IncomingMessage): Promise<Request> {
  const url = new URL(message.url ?? '/', 'http://localhost');
  let path: string[];
  try {
    path = url.pathname
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    throw badRequest('the path cannot be decoded');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    // A body that is too large is read to its end and dropped: a client reads no answer while it is still sending.
    if (size <= BODY_LIMIT) chunks.push(chunk);
  }
  if (size > BODY_LIMIT) {
    throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_LIMIT}`);
  }
  return {
    method: message.method ?? 'GET',
    path,
    query: url.searchParams,
    accept: message.headers.accept,
    contentType: (message.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase(),
    userAgent: message.headers['user-agent'] ?? '',
    body: Buffer.concat(chunks),
  };
}

/** The query's options of a write. @throws ApiError */
export function writeOptions({ query, userAgent }: Request, warn: (message: string) => void): WriteOptions {
  const fieldValidation = query.get('fieldValidation') ?? 'Warn';
  if (fieldValidation !== 'Strict' && fieldValidation !== 'Warn' && fieldValidation !== 'Ignore') {
    throw unsupported('fieldValidation', fieldValidation, ['Ignore', 'Strict', 'Warn']);
  }
  return {
    dryRun: isDryRun(query),
    manager: query.get('fieldManager') ?? (/^[^/\s]+/.exec(userAgent)?.[0] || 'unknown'),
    fieldValidation,
    warn,
  };
}

export function isDryRun(query: URLSearchParams): boolean {
  const dryRun = query.get('dryRun');
  if (dryRun !== null && dryRun !== 'All') throw unsupported('dryRun', dryRun, ['All']);
  return dryRun === 'All';
}

function unsupported(field: string, value: string, supported: readonly string[]): ApiError {
  const values = supported.map((one) => JSON.stringify(one)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${values}`;
  return invalid(OPTIONS, [{ reason: 'FieldValueNotSupported', message, field }]);
}

const OPTIONS: Subject = { group: 'meta.k8s.io', kind: 'UpdateOptions', name: '' };

/** A query value that counts something. @throws ApiError 400 */
export function wholeNumber(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${key}: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

export function isTrue(query: URLSearchParams, key: string): boolean {
  const text = query.get(key);
  return text !== null && text !== 'false' && text !== '0';
}
