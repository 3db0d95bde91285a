import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { REASONS } from '../../../src/api/conditions.js';

const docs = new URL('../../../docs/', import.meta.url);
const pages = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((page) => page.endsWith('.md'));

describe('the troubleshooting guide', () => {
  it('has something to say about every reason', () => {
    const guide = readFileSync(new URL('troubleshooting.md', docs), 'utf8');

    const headings = [...guide.matchAll(/^### (\w+)$/gm)].map(([, reason = '']) => reason);

    expect(headings.toSorted()).toEqual(Object.keys(REASONS).toSorted());
  });
});

describe('the documentation', () => {
  it.each(pages)('%s links to files that are there', (page) => {
    const url = new URL(page, docs);

    const targets = [...readFileSync(url, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(
      ([, target = '']) => target,
    );

    expect(targets.filter((target) => !existsSync(new URL(target, url)))).toEqual([]);
  });
});
