import stringWidth from 'string-width';
import type { CloudJob } from '../../api/cloudjob.js';
import { cleanText } from '../../text.js';
import { bar } from '../../terminal/bar.js';
import { humanDuration } from '../../terminal/duration.js';
import { GAP, gridLines } from '../../terminal/grid.js';
import type { Paint } from '../../terminal/paint.js';
import { cut, wrap } from '../../terminal/wrap.js';
import { rowsOf, type Row } from './treeRows.js';

export interface TreeOptions {
  /** Wall clock in milliseconds since the epoch. */
  readonly now: number;
  /** Terminal columns; undefined: no limit. */
  readonly columns?: number | undefined;
  readonly paint: Paint;
}

type Cell = (row: Row) => string;

const BAR_WIDTH = 12;
/** The least width of a label; if it does not fit, a layout with fewer cells is used. */
const COMFORTABLE_LABEL = 28;
const MIN_LABEL = 8;
const MAX_PHASE = 16;
/** The least width of a text. */
const MIN_TEXT = 16;

const phase: Cell = (row) => cleanText(row.phase, MAX_PHASE);
const time: Cell = ({ ms }) => (ms === undefined ? '' : humanDuration(ms));
const count: Cell = ({ leaves }) => (leaves === undefined ? '' : `${leaves.done}/${leaves.total}`);
const barAndCount: Cell = (row) =>
  row.leaves === undefined ? '' : `${bar(row.leaves.done, row.leaves.total, BAR_WIDTH)} ${count(row)}`;

/** The cells beside the label, from wide terminals to narrow ones. The symbols show the phase too. */
const LAYOUTS: readonly (readonly Cell[])[] = [
  [phase, barAndCount, time],
  [phase, count, time],
  [count, time],
];

/**
 * A CloudJob as lines: the job with its bar, its message, and the tree of its sub-jobs with phases, durations and, unless
 * they succeeded, reasons. No line is wider than the terminal, down to about 30 columns.
 */
export function treeLines(cloudJob: CloudJob, options: TreeOptions): string[] {
  const rows = rowsOf(cloudJob, options.now);
  const heads = headLines(rows, options);
  const lines = rows.flatMap((row, index) => [heads[index] ?? '', ...textLines(row, options)]);
  const { subJobsOmitted = 0 } = cloudJob.status;
  if (subJobsOmitted > 0) lines.push(options.paint.dim(`… and ${subJobsOmitted} more sub-jobs`));
  return lines;
}

function headLines(rows: readonly Row[], { columns = Infinity, paint }: TreeOptions): string[] {
  const label = widest(rows.map((row) => row.label));
  const layouts = LAYOUTS.map((cells) => {
    const widths = cells.map((cell) => Math.max(1, widest(rows.map(cell))));
    return { cells, widths, room: columns - widths.reduce((sum, width) => sum + GAP + width, 0) };
  });
  const layout = layouts.find(({ room }) => room >= Math.min(label, COMFORTABLE_LABEL)) ?? layouts.at(-1);
  const { cells = [], widths = [], room = columns } = layout ?? {};
  const labelWidth = Math.max(MIN_LABEL, Math.min(label, room));
  return gridLines(
    rows.map((row) => {
      const coloured = row.colour === undefined ? (text: string) => text : paint[row.colour];
      return [
        coloured(cut(row.label, labelWidth)),
        ...cells.map((cell) => (cell === phase ? coloured(cell(row)) : cell(row))),
      ];
    }),
    [labelWidth, ...widths],
  );
}

function textLines({ text, indent, colour }: Row, { columns, paint }: TreeOptions): string[] {
  if (text === undefined) return [];
  const room = columns === undefined ? Infinity : Math.max(MIN_TEXT, columns - stringWidth(indent));
  const coloured = colour === 'bad' ? paint.bad : (line: string) => line;
  return wrap(text, room).map((line) => `${indent}${coloured(line)}`);
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => stringWidth(text)));
}
