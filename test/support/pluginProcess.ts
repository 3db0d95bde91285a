import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ToolResult } from './tools.js';
import { until } from './until.js';

const DEADLINE_MS = 60_000;

/** The plugin's own file, as the package's bin starts it. */
export const PLUGIN_MAIN = fileURLToPath(new URL('../../dist/plugin/main.js', import.meta.url));

/** The script that kubectl runs to complete the plugin's command line. */
export const PLUGIN_COMPLETION = fileURLToPath(
  new URL('../../scripts/plugin/kubectl_complete-cloudjob', import.meta.url),
);

/** `kubectl-cloudjob` as a process of its own; neither its input nor its output is a terminal. */
export class PluginProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<ToolResult>;
  #stdout = '';
  #stderr = '';

  constructor(kubeconfigFile: string, args: readonly string[], input = '') {
    this.#child = spawn(process.execPath, [PLUGIN_MAIN, ...args], {
      env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfigFile },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    this.#child.stdin?.on('error', () => {
      // It did not want its input; its exit code says it.
    });
    this.#child.stdin?.end(input);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#ended = once(this.#child, 'close').then(([code]: unknown[]) => ({
      code: code as number | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  async untilWritten(text: string): Promise<void> {
    await until(
      `the plugin to write "${text}"`,
      () => this.#stdout.includes(text),
      DEADLINE_MS,
      () => this.#stdout + this.#stderr,
    );
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  end(): Promise<ToolResult> {
    return this.#ended;
  }
}
