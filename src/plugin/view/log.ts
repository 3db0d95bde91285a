import { gridLines } from '../../terminal/grid.js';
import type { Paint } from '../../terminal/paint.js';
import type { Happening } from '../eventLog.js';

/** A line for each happening: when it was, what it was, and for one that repeated itself how often and until when. */
export function logLines(happenings: readonly Happening[], paint: Paint): string[] {
  const rows = happenings.map((happening) => {
    const coloured = happening.type === 'Warning' ? paint.bad : (text: string) => text;
    return [
      paint.dim(timeText(happening.at)),
      coloured(happening.reason),
      `${coloured(happening.note)}${repeated(happening)}`,
    ];
  });
  return gridLines(rows);
}

function repeated({ at, lastAt, count }: Happening): string {
  if (count === 1) return '';
  return lastAt === at ? ` (${count} times)` : ` (${count} times until ${timeText(lastAt)})`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
