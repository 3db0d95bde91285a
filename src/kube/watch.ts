import { fromStatusObject, localError } from './errors.js';
import { JoinedChunks } from '../body.js';
import { isRecord, parseJSON } from '../json.js';
import type { KubeError } from './errors.js';
import { asObject } from './object.js';
import type { KubeObject } from './object.js';

/** One line of a watch. */
export type WatchEvent =
  | { readonly kind: 'present' | 'deleted'; readonly object: KubeObject }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  | { readonly kind: 'error'; readonly error: KubeError };

/** The longest line of a watch in bytes. The API server accepts objects of up to 3 MiB, etcd of 1.5 MiB. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Reads a watch's answer.
 *
 * @param what names the watch in errors
 * @param onBytes called for each chunk
 * @throws KubeError `MalformedResponse` for a line that is not an event, or is cut off or too long
 */
export async function* readWatchEvents(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
  onBytes?: () => void,
): AsyncGenerator<WatchEvent> {
  for await (const line of readLines(chunks, MAX_LINE_BYTES, what, onBytes)) yield parseEvent(line, what);
}

/** Splits at newlines, before decoding: a character's bytes may arrive in different chunks. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  what: string,
  onBytes?: () => void,
): AsyncGenerator<string> {
  let line = new JoinedChunks();
  for await (const chunk of chunks) {
    onBytes?.();
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end === -1 ? chunk.length : end);
      if (line.length + part.length > maxBytes) {
        throw localError('ResponseTooLarge', `${what}: a line is longer than ${maxBytes} bytes`);
      }
      line.append(part);
      if (end === -1) break;
      const text = line.bytes.toString();
      line = new JoinedChunks();
      start = end + 1;
      if (text.trim() !== '') yield text;
    }
  }
  if (line.length > 0) throw localError('MalformedResponse', `${what}: the last line is cut off`);
}

function parseEvent(line: string, what: string): WatchEvent {
  const event = parseJSON(line);
  if (!isRecord(event)) throw localError('MalformedResponse', `${what}: a line is not a watch event`);
  const { type, object } = event;
  switch (type) {
    // Whether it was added or modified depends on what the reader has seen, not on what the server remembers.
    case 'ADDED':
    case 'MODIFIED':
      return { kind: 'present', object: asObject(object, what) };
    case 'DELETED':
      return { kind: 'deleted', object: asObject(object, what) };
    case 'BOOKMARK':
      return { kind: 'bookmark', resourceVersion: bookmarkVersion(object, what) };
    case 'ERROR':
      return { kind: 'error', error: fromStatusObject(what, object) };
    default:
      throw localError('MalformedResponse', `${what}: an event has an unknown type`);
  }
}

function bookmarkVersion(object: unknown, what: string): string {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  if (typeof version === 'string' && version !== '') return version;
  throw localError('MalformedResponse', `${what}: a bookmark has no resourceVersion`);
}
