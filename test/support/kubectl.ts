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
  return run(
    'kubectl',
    ['--kubeconfig', kubeconfigFile, '--cache-dir', kubectlCache(home), ...args],
    home,
    {},
    input,
  );
}

/** Runs the real kubectl in an environment of its own; its caches go into `home`. */
export async function runKubectlWith(
  env: Readonly<Record<string, string>>,
  home: string,
  args: readonly string[],
): Promise<KubectlResult> {
  return run('kubectl', ['--cache-dir', kubectlCache(home), ...args], home, env, '');
}

/** Runs a script of the plain POSIX shell, in which `kubectl` talks to that cluster. */
export async function runShell(
  kubeconfigFile: string,
  home: string,
  script: string,
  args: readonly string[],
): Promise<KubectlResult> {
  const env = { KUBECONFIG: kubeconfigFile, KUBECACHEDIR: kubectlCache(home) };
  return run('sh', ['-eu', '-s', '--', ...args], home, env, script);
}

function kubectlCache(home: string): string {
  return join(home, 'kubectl');
}

async function run(
  command: string,
  args: readonly string[],
  home: string,
  env: Readonly<Record<string, string>>,
  input: string,
): Promise<KubectlResult> {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
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
