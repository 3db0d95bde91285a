import { gridLines } from '../../terminal/grid.js';
import type { Paint } from '../../terminal/paint.js';
import type { LogEntry } from '../eventLog.js';

/** A line for each entry: its time and text, and for a repeated one its count and last time. */
export function logLines(entries: readonly LogEntry[], paint: Paint): string[] {
  const rows = entries.map((entry) => {
    const coloured = entry.type === 'Warning' ? paint.bad : (text: string) => text;
    return [
      paint.dim(timeText(entry.at)),
      coloured(entry.reason),
      `${coloured(entry.note)}${repeated(entry)}`,
    ];
  });
  return gridLines(rows);
}

function repeated({ at, lastAt, count }: LogEntry): string {
  if (count === 1) return '';
  return lastAt === at ? ` (${count} times)` : ` (${count} times until ${timeText(lastAt)})`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
