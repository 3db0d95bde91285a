import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const DEADLINE_MS = 60_000;

/** Whether there is a real kubectl on this machine. */
export const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real kubectl; what `input` holds is its standard input. Its caches go into `home`. */
export async function runKubectl(
  kubeconfigFile: string,
  home: string,
  args: readonly string[],
  input = '',
): Promise<KubectlResult> {
  const child = spawn(
    'kubectl',
    ['--kubeconfig', kubeconfigFile, '--cache-dir', join(home, 'kubectl'), ...args],
    {
      env: { PATH: process.env['PATH'], HOME: home },
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    },
  );
  child.stdin.on('error', () => {
    // It did not want its input; its exit code tells.
  });
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
