/**
 * `node scripts/plugin/build.mjs [--platform PLATFORM]...` makes the plugin's executables out of dist/plugin: Node with the
 * plugin inside (https://nodejs.org/api/single-executable-applications.html), in dist/plugin-bin. Two builds of one commit
 * are equal. Exit code 3: npm cannot fetch Node.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inject } from 'postject';
import { bundlePlugin } from './bundle.mjs';
import { FetchError, HOST, nodeFor, NODES } from './nodes.mjs';
import { signedAdHoc, withoutSignature } from './signatures.mjs';

const OUT = fileURLToPath(new URL('../../dist/plugin-bin/', import.meta.url));
/** Node finds out by it whether something is inside; the same in every version. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const { values } = parseArgs({ options: { platform: { type: 'string', multiple: true } } });
const platforms = values.platform ?? Object.keys(NODES);
try {
  for (const platform of platforms) nodeFor(platform);
  const { code, licences } = await bundlePlugin();
  const blob = makeBlob(code);
  mkdirSync(OUT, { recursive: true });
  const licenceOfNode = readFileSync(join(dirname(nodeFor(HOST)), '../LICENSE'), 'utf8');
  writeFileSync(join(OUT, 'LICENSES.txt'), ['Node', licenceOfNode, ...licences].join('\n\n'));
  copyFileSync(
    fileURLToPath(new URL('kubectl_complete-cloudjob', import.meta.url)),
    join(OUT, 'kubectl_complete-cloudjob'),
  );
  for (const platform of platforms) console.log(await makeExecutable(platform, blob));
} catch (error) {
  if (!(error instanceof FetchError)) throw error;
  console.error(error.message);
  process.exitCode = 3;
}

/** What Node runs. It is for all platforms, but for one version of Node: Node itself makes it. */
function makeBlob(bundle) {
  const work = mkdtempSync(join(tmpdir(), 'cloudjob-plugin-'));
  try {
    writeFileSync(join(work, 'kubectl-cloudjob.cjs'), bundle);
    const config = { main: 'kubectl-cloudjob.cjs', output: 'blob', disableExperimentalSEAWarning: true };
    writeFileSync(join(work, 'sea.json'), JSON.stringify(config));
    // The blob holds the path of `main` as it is written there: without the name of the folder, it is always the same.
    execFileSync(nodeFor(HOST), ['--experimental-sea-config', 'sea.json'], { cwd: work });
    return readFileSync(join(work, 'blob'));
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function makeExecutable(platform, blob) {
  const file = join(OUT, `kubectl-cloudjob-${platform}${platform.startsWith('windows') ? '.exe' : ''}`);
  const node = readFileSync(nodeFor(platform));
  writeFileSync(file, platform.startsWith('windows') ? withoutSignature(node) : node);
  chmodSync(file, 0o755);
  await inject(file, 'NODE_SEA_BLOB', blob, { sentinelFuse: FUSE, machoSegmentName: 'NODE_SEA' });
  if (platform.startsWith('darwin')) {
    // macOS remembers what it knows of a file: a signed one is a new file.
    const signed = signedAdHoc(readFileSync(file), 'kubectl-cloudjob');
    rmSync(file);
    writeFileSync(file, signed, { mode: 0o755 });
  }
  return file;
}
