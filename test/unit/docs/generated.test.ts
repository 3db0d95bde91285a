import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { BLOCKS } from '../../../scripts/docs/blocks.js';
import { generate } from '../../../scripts/docs/generate.js';
import { markdownTable } from '../../../scripts/docs/table.js';

const files = await generate(fileURLToPath(new URL('../../..', import.meta.url)));

describe('the docs', () => {
  it.each(files)('hold in $path what the code says; if not, run "npm run docs"', ({ committed, wanted }) => {
    expect(committed).toBe(wanted);
  });

  it('print every block somewhere', () => {
    expect(new Set(files.flatMap(({ blocks }) => blocks))).toEqual(new Set(Object.keys(BLOCKS)));
  });
});

describe('a Markdown table', () => {
  it('is padded as Prettier does it, and lets no cell end early', () => {
    expect(
      markdownTable(
        ['A', 'Long head'],
        [
          ['x|y', '–'],
          ['wider', ''],
        ],
      ),
    ).toBe(
      [
        '| A     | Long head |',
        '| ----- | --------- |',
        '| x\\|y  | –         |',
        '| wider |           |',
      ].join('\n'),
    );
  });
});
