import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The flags that the image starts Node with.
 *
 * @param root folder of the checkout whose image it is
 */
export function imageFlags(root = '.'): string[] {
  const entryPoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1];
  if (entryPoint === undefined) throw new Error('Dockerfile has no ENTRYPOINT');
  return (JSON.parse(entryPoint) as string[]).filter((part) => part.startsWith('--'));
}
