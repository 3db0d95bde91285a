import type { Clock } from '../../clock.js';
import type { Environment } from '../../proxy.js';
import type { Output } from '../output.js';

/** The process of a command: output, time, randomness. */
export interface CommandContext {
  readonly output: Output;
  readonly clock: Clock;
  /** Returns 0 up to, not including, 1. */
  readonly random: () => number;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: Environment;
}

/** The exit codes of all commands but `watch` and `doctor`, which have their own. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** A JSON document for programs, as lines. */
export function jsonLines(value: unknown): string[] {
  return JSON.stringify(value, undefined, 2).split('\n');
}
