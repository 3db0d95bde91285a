import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cleanText, cutText } from '../../src/text.js';
import { growthPerTurn } from '../support/heap.js';

describe('cleanText', () => {
  it.each([
    ['keeps an ordinary line', 'Failed to create node(s): 2/3', 'Failed to create node(s): 2/3'],
    ['keeps other scripts and emoji', '创建失败 🚀 é', '创建失败 🚀 é'],
    ['makes one line of several', ' a\r\n\tb\u2028c ', 'a b c'],
    ['replaces control characters', 'a\u0000b\u0007c\u0085d', 'a b c d'],
    ['removes colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['removes terminal titles and links', '\u001b]0;title\u0007x\u001b]8;;http://a\u001b\\y', 'xy'],
    ['removes 8-bit control sequences', 'a\u009b31mb', 'ab'],
    ['removes bidirectional controls', 'a\u202eb\u2066c', 'abc'],
    ['removes zero-width characters and byte order marks', 'a\u200bb\ufeffc', 'abc'],
    ['replaces lone surrogates', 'a\ud800b\udc00c', 'a\ufffdb\ufffdc'],
  ])('%s', (_name, text, cleaned) => {
    expect(cleanText(text, 100)).toBe(cleaned);
  });

  it('cuts what is too long, and not through a pair of surrogates', () => {
    expect(cleanText('abcdef', 4)).toBe('abc…');
    expect(cleanText('ab🚀def', 4)).toBe('ab…');
  });

  it('makes every text one clean, bounded, well-formed line, and cleaning it again changes nothing', () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        'a',
        ' ',
        '\n',
        '\u001b',
        '[',
        ']',
        '3',
        'm',
        '\u0007',
        '\\',
        '\u202e',
        '\ud83d',
        '\ude80',
      ),
      maxLength: 300,
    });

    fc.assert(
      fc.property(
        fc.oneof(hostile, fc.string({ unit: 'binary' })),
        fc.integer({ min: 1, max: 64 }),
        (text, max) => {
          const cleaned = cleanText(text, max);

          expect(cleaned.length).toBeLessThanOrEqual(max);
          expect(cleaned).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
          expect(cleanText(cleaned, max)).toBe(cleaned);
        },
      ),
    );
  });

  it.each([
    ['one without a blemish', 'x'],
    ['one of many words', 'a word\n'],
    ['one of blanks with a short line in it', ' '.repeat(100)],
  ])('keeps nothing of a long text but what it returns: %s', async (_, part) => {
    const kept: string[] = [];
    const growth = await growthPerTurn(20, async () => {
      // Made anew each time, as a parser does it.
      const text = JSON.parse(
        JSON.stringify(`a short line${part.repeat(1_000_000 / part.length)}`),
      ) as string;
      kept.push(cleanText(text, 1_000), cutText(text, 1_000));
    });

    expect(kept).toHaveLength(44);
    expect(growth).toBeLessThan(100_000);
  });

  it('spends no time on megabytes of unfinished escape sequences', () => {
    const text = '\u001b]'.repeat(2_000_000);

    expect(cleanText(text, 1024)).toBe('');
  });

  it('keeps the end of a text that is cut in the middle, however long it is', () => {
    for (const length of [200, 10_000, 1_000_000]) {
      const cut = cleanText(`first ${'x'.repeat(length)} last`, 60, 'middle');

      expect(cut).toMatch(/^first x+…x+ last$/);
      expect(cut.length).toBeLessThanOrEqual(60);
      expect(cleanText(cut, 60, 'middle')).toBe(cut);
    }
  });

  it('leaves no half of a character where it cuts in the middle', () => {
    for (let before = 0; before < 8; before += 1) {
      const cut = cleanText(`${'x'.repeat(before)}${'😀'.repeat(100)}`, 31, 'middle');

      expect(cut).not.toMatch(/\p{Cs}/u);
      expect(cut.length).toBeLessThanOrEqual(31);
    }
  });
});
