import { fromStatusObject, localError } from './errors.js';
import { LimitedBytes } from '../body.js';
import type { Slots } from '../slots.js';
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

/** How the lines of a watch are read. */
export interface WatchReading {
  /** Names the watch in errors. */
  readonly what: string;
  /** How many long lines are read at a time, over all watches that share them. */
  readonly slots: Slots;
  /** Called for each chunk. */
  readonly onBytes?: (() => void) | undefined;
}

/**
 * Reads a watch's answer.
 *
 * @throws KubeError `MalformedResponse` for a line that is no event, or that is cut off or too long; the signal's reason
 */
export async function* readWatchEvents(
  chunks: AsyncIterable<Uint8Array>,
  reading: WatchReading,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  for await (const line of readLines(chunks, MAX_LINE_BYTES, reading, signal)) {
    yield parseEvent(line, reading.what);
  }
}

/** Splits at newlines, before decoding: a character's bytes may arrive in different chunks. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  { what, slots, onBytes }: WatchReading,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const tooLong = (): Error =>
    localError('ResponseTooLarge', `${what}: a line is longer than ${maxBytes} bytes`);
  const line = new LimitedBytes({ maxBytes, slots, tooLong }, signal);
  try {
    for await (const chunk of chunks) {
      onBytes?.();
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, start);
        await line.append(chunk.subarray(start, end === -1 ? chunk.length : end));
        if (end === -1) break;
        const text = line.bytes.toString();
        if (text.trim() !== '') yield text;
        // By now the event has been used.
        line.clear();
        start = end + 1;
      }
    }
    if (line.length > 0) throw localError('MalformedResponse', `${what}: the last line is cut off`);
  } finally {
    line.clear();
  }
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
