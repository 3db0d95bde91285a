import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { until } from './until.js';

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

/**
 * What `kubectl explain` prints. Waits until it prints something: an API server takes the schema of a kind away for a
 * moment whenever somebody changes its CRD, as other suites on the same API server do.
 */
export async function explain(kubeconfigFile: string, home: string, path: string): Promise<string> {
  let stderr = '';
  return until(
    `kubectl to explain ${path}`,
    async () => {
      const result = await runKubectl(kubeconfigFile, home, ['explain', path]);
      stderr = result.stderr;
      return result.code === 0 && result.stdout;
    },
    60_000,
    () => stderr,
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
