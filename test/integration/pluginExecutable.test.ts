import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { copyFileSync, existsSync, mkdtempSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { TOOLS_PATH } from '../../scripts/tools.mjs';
import { reports } from '../support/jobs.js';
import { describeWhen } from '../support/skips.js';
import { runTool, runToolSync, type ToolResult } from '../support/tools.js';
import { World } from '../support/world.js';

const folder = fileURLToPath(new URL('../../dist/plugin-bin/', import.meta.url));
const isLinux = process.platform === 'linux' && process.arch === 'x64';
const build = isLinux
  ? runToolSync(process.execPath, ['scripts/plugin/build.mjs', '--platform', 'linux-amd64'])
  : undefined;
/** The exit code of the build where npm cannot fetch Node. */
const UNFETCHED = 3;
const reason = isLinux ? `no Node: ${build?.stderr.trim()}` : 'the executable is for Linux on x64';

describeWhen(build !== undefined && build.code !== UNFETCHED, reason)('the executable', () => {
  let world: World;
  let namespace: string;
  let home: string;
  beforeAll(async () => {
    expect(build).toMatchObject({ code: 0 });
    home = mkdtempSync(join(tmpdir(), 'cloudjob-executable-'));
    symlinkSync(join(folder, 'kubectl-cloudjob-linux-amd64'), join(home, 'kubectl-cloudjob'));
    copyFileSync(join(folder, 'kubectl_complete-cloudjob'), join(home, 'kubectl_complete-cloudjob'));
    // The PATH of these tests is this folder alone.
    const kubectl = TOOLS_PATH.split(delimiter).find((path) => existsSync(join(path, 'kubectl')));
    symlinkSync(join(kubectl ?? '', 'kubectl'), join(home, 'kubectl'));
    world = await World.start();
    await world.startOperator();
    namespace = await world.namespace();
    world.cloud.answer('executable', reports({ uid: 'executable', phase: 'Success' }));
    const ref = await world.follow(namespace, 'executable');
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
  }, 90_000);
  afterAll(async () => {
    await world?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  async function run(path: string, file: string, args: readonly string[]): Promise<ToolResult> {
    return runTool(file, args, home, { PATH: path, KUBECONFIG: world.kubeconfigFile });
  }

  it('needs no Node on the PATH', async () => {
    const file = readlinkSync(join(home, 'kubectl-cloudjob'));

    expect(await run('/nonexistent', file, ['watch', '--all', '-n', namespace])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/executable {2}Success/),
    });
    expect(await run('/nonexistent', file, ['version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^plugin {4}\d+\.\d+\.\d+\nCRD {7}v1alpha1\n/),
    });
    expect(await run('/nonexistent', file, ['watch'])).toMatchObject({ code: 2 });
  });

  it('is found by kubectl, which completes with it', async () => {
    const kubectl = join(home, 'kubectl');
    const args = ['__completeNoDesc', 'cloudjob', 'tree', '-n', namespace, ''];

    expect(await run(home, kubectl, ['cloudjob', 'tree', 'executable', '-n', namespace])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('executable'),
    });
    expect(await run(home, kubectl, args)).toMatchObject({ stdout: 'executable\n:4\n' });
  });
});
