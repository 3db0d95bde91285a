import type { CloudJobStatus } from '../api/cloudjob.js';
import { humanDuration } from '../terminal/duration.js';
import { gridLines } from '../terminal/grid.js';
import type { Paint } from '../terminal/paint.js';

/** The columns of `kubectl get cjob`, with fixed widths for the demo's rows, because rows arrive one by one. */
const COLUMNS = [
  { title: 'NAME', width: 15 },
  { title: 'TYPE', width: 15 },
  { title: 'PHASE', width: 13 },
  { title: 'PROGRESS', width: 9 },
  { title: 'READY', width: 8 },
  { title: 'REASON', width: 16 },
  { title: 'AGE', width: undefined },
] as const;

/** The cells of a row, without the age. */
export function cellsOf(name: string, status: CloudJobStatus): readonly string[] {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return [
    name,
    status.type ?? '',
    status.phase ?? '',
    status.progress?.summary ?? '',
    ready?.status ?? '',
    ready?.reason ?? '',
  ];
}

export function headerLine(paint: Paint): string {
  return paint.bold(line(COLUMNS.map(({ title }) => title)));
}

/** `ageMs`: milliseconds since the object was created. */
export function rowLine(cells: readonly string[], ageMs: number, paint: Paint): string {
  const row = line([...cells, humanDuration(Math.max(0, ageMs))]);
  const [, , phase = '', , ready = ''] = cells;
  if (phase === 'Success') return paint.good(row);
  if (phase === 'Failed' || ready === 'False') return paint.bad(row);
  return phase === 'Running' ? paint.busy(row) : row;
}

function line(cells: readonly string[]): string {
  const [text = ''] = gridLines(
    [cells],
    COLUMNS.map(({ width }) => width),
  );
  return text;
}

/** The conditions and the failed sub-jobs, as lines. */
export function explain(name: string, status: CloudJobStatus, paint: Paint): string[] {
  const failed = (status.subJobs ?? []).filter(({ phase }) => phase === 'Failed');
  return [
    paint.bold(`What the operator wrote about ${name}:`),
    '',
    `  message: ${status.message ?? ''}`,
    '',
    '  conditions:',
    // A message that repeats the one above is left out.
    ...(status.conditions ?? []).map(({ type, status: value, reason, message }) =>
      `    ${type.padEnd(12)} ${value.padEnd(8)} ${reason.padEnd(12)} ${message === status.message ? '' : message}`.trimEnd(),
    ),
    ...(failed.length === 0 ? [] : ['', '  failed sub-jobs:']),
    ...failed.map(({ type = '', resourceName, reason = '' }) =>
      paint.bad(`    ${type.padEnd(18)} ${reason}${resourceName === undefined ? '' : ` (${resourceName})`}`),
    ),
  ];
}
