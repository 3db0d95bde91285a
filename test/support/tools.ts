import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { TOOLS_PATH } from '../../scripts/tools.mjs';

const DEADLINE_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export interface ToolResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the tools' PATH until it ends; what `input` holds is its standard input. */
export async function runTool(
  command: string,
  args: readonly string[],
  home: string,
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<ToolResult> {
  const child = spawn(command, args, {
    env: { PATH: TOOLS_PATH, HOME: home, ...env },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => {
    // It did not want its input; its exit code says it.
  });
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** The same for what needs no cluster; blocks until it ends. */
export function runToolSync(command: string, args: readonly string[]): ToolResult {
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: { ...process.env, PATH: TOOLS_PATH },
    encoding: 'utf8',
    timeout: DEADLINE_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return { code: status, stdout, stderr };
}
