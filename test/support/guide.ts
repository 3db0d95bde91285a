import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';

/** A page of the docs, as tests read it to hold it to its word. */
export function readGuide(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}

/** The first table of the page: the cells of a row by its first cell and the column's heading. */
export function readTable(page: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const lines = page.split('\n').filter((line) => line.startsWith('|'));
  const [heading = [], , ...rows] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const table = new Map<string, ReadonlyMap<string, string>>();
  for (const [name = '', ...cells] of rows) {
    table.set(name, new Map(cells.map((cell, index) => [heading[index + 1] ?? '', cell])));
  }
  return table;
}

/** The fenced code blocks in that language, in their order. */
export function codeBlocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code = '']) => code,
  );
}

/** The commands in indented blocks, without what follows a `#`. */
export function commands(page: string): string[] {
  return [...page.matchAll(/^ {4}((?:kubectl|helm|sed) .*?)(?: +#.*)?$/gm)].map(
    ([, command = '']) => command,
  );
}

/** The YAML object of that kind among the page's code blocks. */
export function yamlOfKind(page: string, kind: string): unknown {
  const found = codeBlocks(page, 'yaml').find((yaml) => yaml.includes(`\nkind: ${kind}\n`));
  if (found === undefined) throw new Error(`the page has no YAML of kind ${kind}`);
  return load(found);
}
