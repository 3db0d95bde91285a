/** `npm run docs`: brings the generated blocks of the Markdown files, and the generated files, up to date. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { generate } from './generate.js';

const root = process.cwd();
for (const { path, committed, wanted } of await generate(root)) {
  if (committed === wanted) continue;
  writeFileSync(join(root, path), wanted);
  console.log(`${path}: written`);
}
