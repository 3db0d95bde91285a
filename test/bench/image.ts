import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

interface Size {
  readonly files: number;
  readonly bytes: number;
}

interface Package {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, Package>>;

/** Of `dist/` the parts that only the bench, the docs and the tests are compiled into. */
const NOT_SHIPPED = new Set(['bench', 'docs']);

/**
 * The files of an install without development dependencies, by the lockfile and `node_modules/`.
 *
 * @param root of the repository, installed and built
 */
export function measureImage(root: string): {
  readonly program: Size;
  readonly packages: Size;
  /** What would not be there without that direct dependency, the packages of its own included. */
  readonly dependencies: readonly { readonly name: string; readonly bytes: number }[];
} {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Packages;
  };
  const direct = Object.keys(packages['']?.dependencies ?? {});
  const all = reached(packages, direct);
  const sizeOf = (paths: Iterable<string>): Size => sum([...paths].map((path) => sizeAt(join(root, path))));
  return {
    program: sum(
      readdirSync(join(root, 'dist'))
        .filter((name) => !NOT_SHIPPED.has(name))
        .map((name) => sizeAt(join(root, 'dist', name))),
    ),
    packages: sizeOf(all),
    dependencies: direct.map((name) => {
      const others = reached(
        packages,
        direct.filter((other) => other !== name),
      );
      return { name, bytes: sizeOf([...all].filter((path) => !others.has(path))).bytes };
    }),
  };
}

/** The paths of the packages that these need, by the way in which Node looks for them. */
function reached(packages: Packages, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string, from: string): void => {
    const path = resolve(packages, name, from);
    // Optional ones may be missing.
    if (path === undefined || found.has(path)) return;
    found.add(path);
    const { dependencies, optionalDependencies, peerDependencies } = packages[path] ?? {};
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      visit(needed, path);
    }
  };
  for (const name of names) visit(name, '');
  return found;
}

function resolve(packages: Packages, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path] !== undefined) return packages[path].dev === true ? undefined : path;
    if (folder === '') return undefined;
  }
}

/** Packages inside of a package are counted by themselves. */
function sizeAt(path: string): Size {
  if (!existsSync(path)) return { files: 0, bytes: 0 };
  const stat = statSync(path);
  if (!stat.isDirectory()) return { files: 1, bytes: stat.size };
  const names = readdirSync(path).filter((name) => name !== 'node_modules');
  return sum(names.map((name) => sizeAt(join(path, name))));
}

function sum(sizes: readonly Size[]): Size {
  return {
    files: sizes.reduce((total, { files }) => total + files, 0),
    bytes: sizes.reduce((total, { bytes }) => total + bytes, 0),
  };
}
