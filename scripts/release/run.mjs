import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { TOOLS_PATH } from '../tools.mjs';

/** Longer than the slowest step, the image for a processor that is emulated. */
const LIMIT_MS = 45 * 60_000;
/** More than the largest standard output of a step, the bill of materials. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Runs a program with the pinned Helm on its PATH.
 * @returns its standard output; standard error is passed on
 * @throws Error that names the command, when it does not start or ends with another code than 0
 */
export function run(command, args, options = {}) {
  const { status, stdout, error } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIMIT_MS,
    maxBuffer: MAX_BYTES,
    ...options,
    env: { ...process.env, PATH: TOOLS_PATH, ...options.env },
  });
  if (error === undefined && status === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')}: ${error?.message ?? `exit code ${status}`}`);
}

/** @returns standard output of a program, or undefined where it is missing or fails; its messages are dropped */
export function attempt(command, args, options = {}) {
  try {
    return run(command, args, { ...options, stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  } catch {
    return undefined;
  }
}
