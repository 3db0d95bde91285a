import stringWidth from 'string-width';
import type { CloudJob } from '../../api/cloudjob.js';
import { findCondition } from '../../api/conditions.js';
import { humanDuration } from '../../terminal/duration.js';
import { GAP, gridLines } from '../../terminal/grid.js';
import type { Paint } from '../../terminal/paint.js';
import { cut } from '../../terminal/wrap.js';
import { attentionOf, type Attention } from '../attention.js';

export interface ListOptions {
  readonly withNamespace: boolean;
  /** Wall clock in milliseconds since the epoch. */
  readonly now: number;
  /** Terminal columns; undefined: no limit. */
  readonly columns?: number | undefined;
  readonly paint: Paint;
}

/** The message gets the rest of the line, but at least this width. */
const MIN_MESSAGE = 20;

const COLOURS: Readonly<Record<Attention, keyof Paint | undefined>> = {
  needsSomebody: 'bad',
  inTrouble: 'bold',
  underWay: 'busy',
  suspended: 'dim',
  succeeded: 'good',
};

/** A line for each CloudJob, in the order given, below a line of titles. */
export function listLines(cloudJobs: readonly CloudJob[], options: ListOptions): string[] {
  const { withNamespace, now, columns, paint } = options;
  const titles = ['NAME', 'TYPE', 'PHASE', 'PROGRESS', 'REASON', 'AGE', 'MESSAGE'];
  const rows = cloudJobs.map(({ metadata, status }) => [
    ...(withNamespace ? [metadata.namespace] : []),
    metadata.name,
    status.type ?? '',
    status.phase ?? '',
    status.progress?.summary ?? '',
    findCondition(status.conditions, 'Ready')?.reason ?? '',
    humanDuration(Math.max(0, now - Date.parse(metadata.creationTimestamp))),
    status.message ?? '',
  ]);
  const head = [...(withNamespace ? ['NAMESPACE'] : []), ...titles];
  const widths = head.map((title, index) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[index] ?? ''))),
  );
  if (columns !== undefined) {
    const others = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
    const room = Math.max(MIN_MESSAGE, columns - others);
    for (const row of rows) row.push(cut(row.pop() ?? '', room));
    widths[widths.length - 1] = Math.min(widths.at(-1) ?? 0, room);
  }
  const coloured = rows.map((row, index) => {
    const colour = cloudJobs[index] && COLOURS[attentionOf(cloudJobs[index])];
    // Names and ages stay uncoloured: a page full of red is hard to read.
    const fromPhase = withNamespace ? 3 : 2;
    return row.map((cell, column) =>
      colour === undefined || column < fromPhase || column >= row.length - 2 ? cell : paint[colour](cell),
    );
  });
  return gridLines([head.map((title) => paint.bold(title)), ...coloured], widths);
}
