import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCKS, FILES } from './blocks.js';

/** A file of the repository that is generated, as a whole or in its blocks. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  /** As it is on disk; undefined when it is not there yet. */
  readonly committed: string | undefined;
  /** As the code says that it should be. */
  readonly wanted: string;
  /** The names of its blocks. */
  readonly blocks: readonly string[];
}

/** Markdown outside `docs/` that may have blocks. */
const OTHER_PAGES = ['README.md', 'CONTRIBUTING.md'];
const BLOCK = /<!-- generated: (\S+) -->\n[\s\S]*?<!-- \/generated -->/g;

/**
 * All generated files, in no order that means something.
 *
 * @param root the root of the repository
 * @throws when a page has a block that no function makes
 */
export async function generate(root: string): Promise<GeneratedFile[]> {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const files: GeneratedFile[] = [];
  for (const path of [...pages, ...OTHER_PAGES]) {
    const committed = readFileSync(join(root, path), 'utf8');
    const blocks = [...committed.matchAll(BLOCK)].map(([, name = '']) => name);
    if (blocks.length === 0) continue;
    const contents = new Map<string, string>();
    for (const name of blocks) contents.set(name, await makeBlock(path, name));
    const wanted = committed.replaceAll(
      BLOCK,
      (_, name: string) => `<!-- generated: ${name} -->\n\n${contents.get(name)}\n\n<!-- /generated -->`,
    );
    files.push({ path, committed, wanted, blocks });
  }
  for (const [path, make] of Object.entries(FILES)) {
    const file = join(root, path);
    const committed = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    files.push({ path, committed, wanted: await make(), blocks: [] });
  }
  return files;
}

async function makeBlock(path: string, name: string): Promise<string> {
  const make = Object.hasOwn(BLOCKS, name) ? BLOCKS[name] : undefined;
  if (make === undefined) {
    throw new Error(`${path}: there is no block "${name}"; there are: ${Object.keys(BLOCKS).join(', ')}`);
  }
  return (await make()).trim();
}
