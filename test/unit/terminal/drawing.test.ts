import { describe, expect, it } from '@jest/globals';
import stringWidth from 'string-width';
import { bar } from '../../../src/terminal/bar.js';
import { gridLines } from '../../../src/terminal/grid.js';
import { makePaint } from '../../../src/terminal/paint.js';
import { cut, wrap } from '../../../src/terminal/wrap.js';

describe('bars', () => {
  it.each([
    [0, 4, '░░░░░░░░'],
    [1, 4, '██░░░░░░'],
    [4, 4, '████████'],
    [0, 0, '░░░░░░░░'],
    [9, 4, '████████'],
  ])('%i of %i', (done, total, text) => {
    expect(bar(done, total, 8)).toBe(text);
  });
});

describe('grids', () => {
  it('are as wide as what is in them, without blanks at the end', () => {
    expect(
      gridLines([
        ['a', 'bb', ''],
        ['ccc', 'd', 'e'],
      ]),
    ).toEqual(['a    bb', 'ccc  d   e']);
  });

  it('cut what is wider than its column', () => {
    expect(gridLines([['abcdefgh', 'x']], [4, undefined])).toEqual(['abc…  x']);
  });

  it('align by what is seen: colours take no room, wide characters two columns', () => {
    const { bad } = makePaint(true);

    const [first = '', second = ''] = gridLines([
      [bad('集群'), 'x'],
      ['abcd', 'x'],
    ]);

    expect(stringWidth(first)).toBe(stringWidth(second));
  });

  it('of nothing is nothing', () => {
    expect(gridLines([])).toEqual([]);
  });
});

describe('wrapping', () => {
  it.each([
    ['the quick brown fox', 9, ['the quick', 'brown fox']],
    ['abcdefghij k', 4, ['abcd', 'efgh', 'ij k']],
    ['集群集群', 4, ['集群', '集群']],
    ['集', 1, ['集']],
    ['', 10, []],
    ['  a   b ', 10, ['a b']],
    ['one line', Infinity, ['one line']],
  ])('%j in %d columns', (text, width, lines) => {
    expect(wrap(text, width)).toEqual(lines);
  });
});

describe('cutting', () => {
  it.each([
    ['abcdef', 4, 'abc…'],
    ['abcd', 4, 'abcd'],
    ['集群集群', 4, '集…'],
    ['a\u{1F469}\u200D\u{1F680}b', 2, 'a…'],
    ['ab\u{10000}\u{10000}', 3, 'ab…'],
  ])('%j to %i columns', (text, width, result) => {
    expect(cut(text, width)).toBe(result);
  });
});

describe('colours', () => {
  it('are ANSI sequences on request alone, and never around nothing', () => {
    expect(makePaint(true).bad('x')).toBe('\u001B[31mx\u001B[39m');
    expect(makePaint(true).bad(' ')).toBe(' ');
    expect(makePaint(false).bad('x')).toBe('x');
  });
});
