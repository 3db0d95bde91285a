import { readFileSync } from 'node:fs';

/** The flags that the image starts Node with. */
export function imageFlags(): string[] {
  const entryPoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1];
  if (entryPoint === undefined) throw new Error('Dockerfile has no ENTRYPOINT');
  return (JSON.parse(entryPoint) as string[]).filter((part) => part.startsWith('--'));
}
