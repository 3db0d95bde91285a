import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';

export interface Size {
  readonly files: number;
  readonly bytes: number;
}

/** The most that `tar` may print, in bytes. */
const MAX_OUTPUT = 1e9;

/** What an image has in it. @param archive `image.tar`, as `docker save` writes it */
export function measureImage(archive: string): {
  /** Of the archive, as a registry and a node's download have it. */
  readonly compressedBytes: number;
  readonly whole: Size;
  readonly packages: Size;
  readonly program: Size;
} {
  const part = (name: string): Buffer =>
    execFileSync('tar', ['-xOf', archive, name], { maxBuffer: MAX_OUTPUT });
  const [image] = JSON.parse(part('manifest.json').toString()) as [{ readonly Layers: readonly string[] }];
  const files = image.Layers.flatMap((layer) => filesOf(part(layer)));
  const below = (folder: string): Size => sum(files.filter(({ path }) => path.startsWith(folder)));
  return {
    compressedBytes: gzipSync(readFileSync(archive)).length,
    whole: sum(files),
    packages: below('app/node_modules/'),
    program: below('app/dist/'),
  };
}

interface File {
  readonly path: string;
  readonly bytes: number;
}

/** The regular files of an archive: lines such as `-rw-r--r-- 0/0 1234 2026-01-31 12:00 app/LICENSE`. */
function filesOf(archive: Buffer): readonly File[] {
  const list = execFileSync('tar', ['-tv'], { input: archive, maxBuffer: MAX_OUTPUT, encoding: 'utf8' });
  return list.split('\n').flatMap((line) => {
    const [, bytes, path] = /^-\S+ +\S+ +(\d+) \S+ \S+ (.+)$/.exec(line) ?? [];
    return path === undefined ? [] : [{ path, bytes: Number(bytes) }];
  });
}

function sum(files: readonly File[]): Size {
  return { files: files.length, bytes: files.reduce((total, { bytes }) => total + bytes, 0) };
}
