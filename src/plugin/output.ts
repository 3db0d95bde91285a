import type { WriteStream } from 'node:tty';
import { makePaint, type Paint } from '../terminal/paint.js';
import { Screen, REDO_LINE } from '../terminal/screen.js';

/** The output of a command. */
export interface Output {
  readonly paint: Paint;
  /** Undefined: standard output is not a terminal that can be redrawn. */
  readonly screen: Screen | undefined;
  /** Terminal columns of standard output; undefined: it is not a terminal. */
  columns(): number | undefined;
  /** To standard output. */
  print(lines: readonly string[]): void;
  /** Shows what the command waits for until something is printed; only on a terminal. */
  waitFor(what: string): void;
  /** A line to standard error. */
  complain(line: string): void;
}

/** The part of a stream that is used; a terminal's stream also has the rest of `WriteStream`. */
export type OutputStream = Pick<WriteStream, 'write'> & Partial<WriteStream>;

/** Terminals get colours, unless NO_COLOR (https://no-color.org) or `noColor` is set. */
export function makeOutput(
  stdout: OutputStream,
  stderr: Pick<OutputStream, 'write'>,
  env: Readonly<Record<string, string | undefined>>,
  noColor: boolean,
): Output {
  const isTerminal = stdout.isTTY === true && env['TERM'] !== 'dumb';
  const paint = makePaint(isTerminal && !noColor && !env['NO_COLOR']);
  let isWaiting = false;
  const endWait = (): void => {
    if (isWaiting) stdout.write(REDO_LINE);
    isWaiting = false;
  };
  return {
    paint,
    screen: isTerminal ? new Screen(stdout) : undefined,
    columns: () => (isTerminal ? stdout.columns || undefined : undefined),
    print(lines) {
      endWait();
      if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
    },
    waitFor(what) {
      if (!isTerminal) return;
      isWaiting = true;
      stdout.write(`${REDO_LINE}${paint.dim(`… ${what}`)}`);
    },
    complain(line) {
      endWait();
      stderr.write(`${line}\n`);
    },
  };
}
