/** Folders below node_modules with what the scripts unpack or fetch once. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));

/**
 * The folder of that name, with what `fill` has put into it: now, or at an earlier time.
 *
 * @throws what `fill` throws
 */
export function cachedFolder(name, fill) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  // Moved to its place as a whole: several processes may fill it at a time.
  const filled = mkdtempSync(join(CACHE, 'filling-'));
  try {
    fill(filled);
    renameSync(filled, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(filled, { recursive: true, force: true });
  }
  return folder;
}
