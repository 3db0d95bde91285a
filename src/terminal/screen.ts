import type { WriteStream } from 'node:tty';

/** xterm's control sequences, which all current terminals know. */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l';
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l';
const HOME = '\u001B[H';
const CLEAR_LINE = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';
/** The next output replaces the line that the cursor is on. */
export const REDO_LINE = `\r${CLEAR_LINE}`;
/** For a terminal whose size is unknown. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * The whole terminal, drawn again and again, as `watch` and `top` do: on the alternate screen, so that resizing cannot
 * break the picture and the scrollback stays unchanged. The terminal cuts lines that are too long.
 */
export class Screen {
  readonly #stream: Pick<WriteStream, 'write'> & Partial<WriteStream>;
  readonly #restore = (): void => this.leave();
  #entered = false;

  constructor(stream: Pick<WriteStream, 'write'> & Partial<WriteStream>) {
    this.#stream = stream;
  }

  get columns(): number {
    return this.#stream.columns || DEFAULT_COLUMNS;
  }

  get rows(): number {
    return this.#stream.rows || DEFAULT_ROWS;
  }

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    // A second Ctrl-C ends the process at once; the terminal must be usable after that too.
    process.once('exit', this.#restore);
    this.#stream.write(ENTER);
  }

  /** Shows only these lines, as far as they fit. */
  draw(lines: readonly string[]): void {
    // Clear before the line, not after: after a full row the cursor is on the last character.
    const shown = lines.slice(0, this.rows).map((line) => `${CLEAR_LINE}${line}`);
    const rest = shown.length < this.rows ? `\r\n${CLEAR_BELOW}` : '';
    this.#stream.write(`${HOME}${shown.join('\r\n')}${rest}`);
  }

  /** Calls `redraw` after each change of the size; the returned function stops that. */
  onResize(redraw: () => void): () => void {
    this.#stream.on?.('resize', redraw);
    return () => this.#stream.off?.('resize', redraw);
  }

  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    process.off('exit', this.#restore);
    this.#stream.write(LEAVE);
  }
}
