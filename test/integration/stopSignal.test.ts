import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { startApi } from '../support/api.js';

const home = mkdtempSync(join(tmpdir(), 'stop-signal-'));
const api = await startApi(home);
afterAll(async () => {
  await api.stop();
  rmSync(home, { recursive: true });
});

/** Loaded before the program: sends it signals as soon as it listens for them, when nothing else of it is loaded. */
function signalsAtStart(signals: readonly string[]): string {
  const kills = signals.map((signal) => `process.kill(process.pid, '${signal}')`).join(';');
  const listener = `(event) => { if (event === 'SIGTERM') setImmediate(() => { ${kills} }); }`;
  return `data:text/javascript,process.on('newListener', ${listener})`;
}

async function exitCodeOf(args: readonly string[], signals: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--import', signalsAtStart(signals), ...args], {
    stdio: 'ignore',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

const RUN = ['dist/main.js', 'run', '--http-port=0', '--kubeconfig', api.kubeconfigFile];
const PLUGIN = ['dist/plugin/main.js', 'list', '--kubeconfig', api.kubeconfigFile];

describe('a signal that comes while the process still loads', () => {
  it.each([
    ['the operator, in order', RUN, ['SIGTERM'], 0],
    ['the operator at once, when it comes twice', RUN, ['SIGTERM', 'SIGINT'], 130],
    ['the plugin, as interrupted', PLUGIN, ['SIGINT'], 130],
  ])('ends %s', async (_, args, signals, code) => {
    expect(await exitCodeOf(args, signals)).toBe(code);
  });
});
