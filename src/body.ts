import type { Slots } from './slots.js';

/** The first part of a body, in bytes, that is read without a slot: nearly every answer is shorter and never waits. */
export const SMALL_BODY_BYTES = 256 * 1024;

export interface BodyLimits {
  /** The longest body in bytes. */
  readonly maxBytes: number;
  /** The most bodies of more than 256 KiB that are read at a time. */
  readonly slots: Slots;
  /** Makes the error for a body longer than `maxBytes`. */
  readonly tooLong: () => Error;
}

/**
 * Reads a body as a whole.
 *
 * @param use gets the bytes; they are not used after that
 * @throws what `tooLong` makes, the stream's error, or the signal's reason
 */
export async function readBody<T>(
  chunks: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  signal: AbortSignal,
  use: (bytes: Buffer) => T,
): Promise<T> {
  const body = new LimitedBytes(limits, signal);
  try {
    for await (const chunk of chunks) await body.append(chunk);
    return use(body.bytes);
  } finally {
    body.clear();
  }
}

/**
 * The bytes of a body, or of a line. A long one has a slot from its 256th KiB until it is cleared: what is under way over all
 * of them is bounded, and short ones are never held up by it.
 */
export class LimitedBytes {
  #joined = new JoinedChunks();
  #release: (() => void) | undefined;

  constructor(
    private readonly limits: BodyLimits,
    private readonly signal: AbortSignal,
  ) {}

  get length(): number {
    return this.#joined.length;
  }

  /** What has come so far; good until the next chunk. */
  get bytes(): Buffer {
    return this.#joined.bytes;
  }

  /** @throws what `tooLong` makes, or the signal's reason */
  async append(chunk: Uint8Array): Promise<void> {
    const { maxBytes, slots, tooLong } = this.limits;
    const length = this.length + chunk.length;
    if (length > maxBytes) throw tooLong();
    if (length > SMALL_BODY_BYTES) this.#release ??= await slots.acquire(this.signal);
    this.#joined.append(chunk);
  }

  /** Begins a new body, and gives back the slot of the last one. */
  clear(): void {
    this.#release?.();
    this.#release = undefined;
    this.#joined = new JoinedChunks();
  }
}

/** Joins chunks as they arrive: a million chunks of one byte take no more memory than one chunk of a million. */
export class JoinedChunks {
  #room = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next chunk. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#room.length) {
      // Doubled each time, so that each byte is copied only a few times.
      const room = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#room.length));
      room.set(this.bytes);
      this.#room = room;
    }
    this.#room.set(chunk, this.#length);
    this.#length = length;
  }
}
