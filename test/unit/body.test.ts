import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JoinedChunks, readBody, SMALL_BODY_BYTES, type BodyLimits } from '../../src/body.js';
import { Slots } from '../../src/slots.js';
import { settle } from '../support/fakeClock.js';

const { signal } = new AbortController();
const TOO_LONG = new Error('too long');

function limits(slots = new Slots(1), maxBytes = 4 * SMALL_BODY_BYTES): BodyLimits {
  return { maxBytes, slots, tooLong: () => TOO_LONG };
}

async function* inPieces(...pieces: readonly (string | Promise<string>)[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(await piece);
}

describe('a body', () => {
  it('is the same in whatever pieces it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', maxLength: 300 })), async (pieces) => {
        const read = await readBody(inPieces(...pieces), limits(), signal, String);

        expect(read).toBe(pieces.join(''));
      }),
    );
  });

  it('may have as many bytes as are allowed, and no more', async () => {
    expect(await readBody(inPieces('123', '45'), limits(new Slots(1), 5), signal, String)).toBe('12345');
    await expect(readBody(inPieces('123', '456'), limits(new Slots(1), 5), signal, String)).rejects.toBe(
      TOO_LONG,
    );
  });

  it('that is long waits until another long one is read; a short one does not', async () => {
    const long = 'x'.repeat(SMALL_BODY_BYTES + 1);
    let end: (text: string) => void = () => undefined;
    const slow = new Promise<string>((resolve) => (end = resolve));
    const all = limits();
    const done: string[] = [];
    const read = async (name: string, ...pieces: readonly (string | Promise<string>)[]): Promise<void> => {
      await readBody(inPieces(...pieces), all, signal, () => done.push(name));
    };

    const first = read('slow', long, slow);
    await settle();
    const second = read('long', long);
    await read('short', 'x'.repeat(SMALL_BODY_BYTES));
    const before = [...done];
    end('!');
    await Promise.all([first, second]);

    expect([before, done]).toEqual([['short'], ['short', 'slow', 'long']]);
  });

  it('that fails, is too long or is given up leaves its slot to others', async () => {
    const long = 'x'.repeat(SMALL_BODY_BYTES + 1);
    const all = limits();
    const broken = Promise.reject(new Error('broken'));
    await expect(readBody(inPieces(long, broken), all, signal, String)).rejects.toThrow('broken');
    await expect(readBody(inPieces(long, long, long, long), all, signal, String)).rejects.toBe(TOO_LONG);
    const held = readBody(inPieces(long, delay(50, '!')), all, signal, String);
    await settle();
    await expect(readBody(inPieces(long), all, AbortSignal.abort(TOO_LONG), String)).rejects.toBe(TOO_LONG);
    await held;

    expect(await readBody(inPieces(long), all, signal, String)).toBe(long);
  });
});

describe('joined chunks', () => {
  it('take no more than twice their room, however many they are', () => {
    const joined = new JoinedChunks();
    for (let byte = 0; byte < 1_000_000; byte += 1) joined.append(Buffer.from([byte % 256]));

    expect([joined.length, joined.bytes[999_999]]).toEqual([1_000_000, 999_999 % 256]);
    expect(joined.bytes.buffer.byteLength).toBeLessThanOrEqual(2 * joined.length);
  });
});
