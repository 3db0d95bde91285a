import { join } from 'node:path';
import { runTool, runToolSync, type ToolResult } from './tools.js';
import { until } from './until.js';

/** Whether there is a real kubectl: the one that the tests bring along, or that of this machine. */
export const hasKubectl = runToolSync('kubectl', ['version', '--client']).code === 0;

/** Runs the real kubectl; what `input` holds is its standard input. Its caches go into `home`. */
export async function runKubectl(
  kubeconfigFile: string,
  home: string,
  args: readonly string[],
  input = '',
): Promise<ToolResult> {
  return runTool(
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
): Promise<ToolResult> {
  return runTool('kubectl', ['--cache-dir', kubectlCache(home), ...args], home, env);
}

/** Runs a script of the plain POSIX shell, in which `kubectl` talks to that cluster. */
export async function runShell(
  kubeconfigFile: string,
  home: string,
  script: string,
  args: readonly string[],
): Promise<ToolResult> {
  const env = { KUBECONFIG: kubeconfigFile, KUBECACHEDIR: kubectlCache(home) };
  return runTool('sh', ['-eu', '-s', '--', ...args], home, env, script);
}

function kubectlCache(home: string): string {
  return join(home, 'kubectl');
}
