import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SMALL_BODY_BYTES } from '../../../src/body.js';
import { readLines, type WatchReading } from '../../../src/kube/watch.js';
import { Slots } from '../../../src/slots.js';
import { settle } from '../../support/fakeClock.js';
import { failure } from './support.js';

const { signal } = new AbortController();

function reading(slots = new Slots(1)): WatchReading {
  return { what: 'watch', slots };
}

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const result: string[] = [];
  for await (const line of lines) result.push(line);
  return result;
}

describe('lines of a watch', () => {
  it('are the same wherever the network cuts them, within a character, too', async () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => JSON.stringify(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(7)), async (lines, sizes) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));

        const read = await collect(readLines(pieces(bytes, sizes), 10_000, reading(), signal));

        expect(read).toEqual(lines);
      }),
    );
  });

  it('may be empty, and are then passed over', async () => {
    const read = await collect(readLines(pieces(Buffer.from('\na\n\r\nb\n'), [2]), 100, reading(), signal));

    expect(read).toEqual(['a', 'b']);
  });

  it('must not be longer than allowed, however many pieces they come in', async () => {
    const bytes = Buffer.from(`${'x'.repeat(101)}\n`);

    const error = await failure(collect(readLines(pieces(bytes, [50, 50]), 100, reading(), signal)));

    expect(error).toMatchObject({
      reason: 'ResponseTooLarge',
      message: 'watch: a line is longer than 100 bytes',
    });
  });

  it('must not end without a newline', async () => {
    const error = await failure(collect(readLines(pieces(Buffer.from('a\nb'), []), 100, reading(), signal)));

    expect(error).toMatchObject({ reason: 'MalformedResponse' });
  });

  it('of all watches together are long one at a time, and short ones wait for none', async () => {
    const long = 'x'.repeat(SMALL_BODY_BYTES + 1);
    let end: (text: string) => void = () => undefined;
    const rest = new Promise<string>((resolve) => (end = resolve));
    const shared = reading();
    const read: string[] = [];
    const follow = async (name: string, ...texts: readonly (string | Promise<string>)[]): Promise<void> => {
      const chunks = async function* (): AsyncGenerator<Uint8Array> {
        for (const text of texts) yield Buffer.from(await text);
      };
      for await (const line of readLines(chunks(), 2 * long.length, shared, signal)) {
        read.push(`${name} ${line.length}`);
      }
    };

    const slow = follow('slow', long, rest);
    await settle();
    const second = follow('second', 'short\n', long, '\n');
    await follow('third', 'short\n');
    const before = [...read].toSorted();
    end('!\nshort\n');
    await Promise.all([slow, second]);

    expect(before).toEqual(['second 5', 'third 5']);
    expect(read.slice(2)).toEqual([`slow ${long.length + 1}`, 'slow 5', `second ${long.length}`]);
  });

  it('that are given up leave their slot to others', async () => {
    const bytes = Buffer.from(`${'x'.repeat(SMALL_BODY_BYTES + 1)}\n`);
    const shared = reading();
    for await (const _ of readLines(pieces(bytes, []), bytes.length, shared, signal)) break;
    await failure(collect(readLines(pieces(bytes.subarray(1), [1_000]), 2_000, shared, signal)));
    await failure(collect(readLines(pieces(bytes.subarray(0, -1), []), bytes.length, shared, signal)));

    expect(await collect(readLines(pieces(bytes, []), bytes.length, shared, signal))).toHaveLength(1);
  });
});
