import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));
const LEFT_OUT = new Set(['sandbox', 'plugin', 'terminal', 'bench', 'docs']);

/** The program as the image has it. */
const home = mkdtempSync(join(tmpdir(), 'cloudjob-image-'));
cpSync(join(root, 'dist'), join(home, 'dist'), {
  recursive: true,
  filter: (path) => !LEFT_OUT.has(relative(join(root, 'dist'), path)),
});
for (const name of ['package.json', 'node_modules']) symlinkSync(join(root, name), join(home, name));
afterAll(() => rmSync(home, { recursive: true }));

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(home, 'dist/main.js'), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
}

describe('the program without sandbox and plugin', () => {
  it('loads', () => {
    expect(run('crd')).toMatchObject({ status: 0, stderr: '' });
  });

  it('says where the sandbox is', () => {
    expect(run('sandbox')).toMatchObject({
      status: 2,
      stderr:
        'cloudjob-operator: sandbox: is not in the image; it runs from a clone of the repository: npm run demo\n',
    });
  });
});
