import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { REASONS } from '../../../src/api/conditions.js';

const root = new URL('../../../', import.meta.url);
const docs = new URL('docs/', root);
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'src/sandbox/README.md',
  'deploy/chart/README.md',
  ...readdirSync(docs, { recursive: true, encoding: 'utf8' })
    .filter((page) => page.endsWith('.md'))
    .map((page) => `docs/${page}`),
];

/** What a link may name after its `#`: the headings of a page, as GitHub turns them into names. */
function anchorsOf(page: URL): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('the troubleshooting guide', () => {
  it('has something to say about every reason', () => {
    const guide = readFileSync(new URL('troubleshooting.md', docs), 'utf8');

    const headings = [...guide.matchAll(/^### (\w+)$/gm)].map(([, reason = '']) => reason);

    expect(headings.toSorted()).toEqual(Object.keys(REASONS).toSorted());
  });
});

describe('the documentation', () => {
  it.each(pages)('%s links to what is there', (page) => {
    const url = new URL(page, root);

    const targets = [...withoutCode(readFileSync(url, 'utf8')).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(
      ([, target = '']) => target,
    );

    const broken = targets.filter((target) => {
      const to = new URL(target, url);
      const anchor = to.hash.slice(1);
      return !existsSync(to) || (anchor !== '' && !anchorsOf(to).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});

/** A regular expression may look like a link. */
function withoutCode(page: string): string {
  return page.replaceAll(/`[^`\n]*`/g, '');
}
