import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readLines } from '../../../src/kube/watch.js';
import { failure } from './support.js';

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

        const read = await collect(readLines(pieces(bytes, sizes), 10_000, 'watch'));

        expect(read).toEqual(lines);
      }),
    );
  });

  it('may be empty, and are then passed over', async () => {
    const read = await collect(readLines(pieces(Buffer.from('\na\n\r\nb\n'), [2]), 100, 'watch'));

    expect(read).toEqual(['a', 'b']);
  });

  it('must not be longer than allowed, however many pieces they come in', async () => {
    const bytes = Buffer.from(`${'x'.repeat(101)}\n`);

    const error = await failure(collect(readLines(pieces(bytes, [50, 50]), 100, 'watch')));

    expect(error).toMatchObject({
      reason: 'ResponseTooLarge',
      message: 'watch: a line is longer than 100 bytes',
    });
  });

  it('must not end without a newline', async () => {
    const error = await failure(collect(readLines(pieces(Buffer.from('a\nb'), []), 100, 'watch')));

    expect(error).toMatchObject({ reason: 'MalformedResponse' });
  });
});
