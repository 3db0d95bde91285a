import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load, loadAll } from 'js-yaml';
import type { Manifest } from './install.js';
import { codeBlocks } from './guide.js';
import { runToolSync } from './tools.js';

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));

/** What a user's kustomization says, put together from the recipes of the page that begin with that comment. */
export function recipes(page: string, comment: string): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const yaml of codeBlocks(page, 'yaml').filter((block) => block.startsWith(`# ${comment}`))) {
    for (const [key, value] of Object.entries(load(yaml) as object)) {
      const before = whole[key];
      whole[key] =
        Array.isArray(before) && Array.isArray(value) ? [...before, ...(value as unknown[])] : value;
    }
  }
  if (Object.keys(whole).length === 0)
    throw new Error(`the page has no recipe that begins with # ${comment}`);
  return whole;
}

/**
 * Builds a kustomization with the real kubectl.
 *
 * @param home the folder of the user, for the kustomization
 * @param resources and `components`: below deploy/
 * @throws with what kubectl complains about
 */
export function buildKustomization(
  home: string,
  kustomization: object,
  resources: readonly string[],
  components: readonly string[],
): readonly Manifest[] {
  const seenFromHome = (path: string): string => join(relative(home, DEPLOY), path);
  const whole = {
    ...kustomization,
    resources: resources.map(seenFromHome),
    components: components.map((name) => seenFromHome(join('components', name))),
  };
  writeFileSync(join(home, 'kustomization.yaml'), dump(whole));
  const { stdout, stderr } = runToolSync('kubectl', ['kustomize', home]);
  if (stderr !== '') throw new Error(stderr);
  return loadAll(stdout) as Manifest[];
}
