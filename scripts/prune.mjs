/**
 * `node scripts/prune.mjs FOLDER`: removes from a folder of packages what Node never loads: types, sources, maps, documents.
 * Licences stay. The image's packages go through it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const RUNS = /\.([cm]?js|json|node|wasm)$/;
const LICENCE = /^(licen[cs]e|notice|copying)/i;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder? node scripts/prune.mjs FOLDER');
prune(folder);

/** Returns whether anything of the folder is left. */
function prune(path) {
  const left = readdirSync(path, { withFileTypes: true }).filter((entry) => {
    const file = join(path, entry.name);
    if (entry.isDirectory() ? prune(file) : RUNS.test(entry.name) || LICENCE.test(entry.name)) return true;
    rmSync(file, { recursive: true });
    return false;
  });
  return left.length > 0;
}
