import type { CloudJobStatus } from '../api/cloudjob.js';

/** Terminal colours; without them every function returns its text. */
export interface Paint {
  bold(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  busy(text: string): string;
}

export function makePaint(colours: boolean): Paint {
  const code = (number: number) => (text: string) =>
    colours && text.trim() !== '' ? `\u001B[${number}m${text}\u001B[0m` : text;
  return { bold: code(1), good: code(32), bad: code(31), busy: code(36) };
}

/** The columns that `kubectl get cjob` shows. */
const COLUMNS = [
  { title: 'NAME', width: 17 },
  { title: 'TYPE', width: 17 },
  { title: 'PHASE', width: 15 },
  { title: 'PROGRESS', width: 11 },
  { title: 'READY', width: 10 },
  { title: 'REASON', width: 18 },
  { title: 'AGE', width: 0 },
] as const;

/** What a row shows, but for the age. */
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
  const row = line([...cells, age(ageMs)]);
  const [, , phase = '', , ready = ''] = cells;
  if (phase === 'Success') return paint.good(row);
  if (phase === 'Failed' || ready === 'False') return paint.bad(row);
  return phase === 'Running' ? paint.busy(row) : row;
}

function line(cells: readonly string[]): string {
  return COLUMNS.map(({ width }, index) => (cells[index] ?? '').padEnd(width - 1))
    .join(' ')
    .trimEnd();
}

/** As kubectl does: seconds up to two minutes, then minutes with seconds. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)}m${rest === 0 ? '' : `${rest}s`}`;
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
    // A message that only repeats the one above is left out.
    ...(status.conditions ?? []).map(({ type, status: value, reason, message }) =>
      `    ${type.padEnd(12)} ${value.padEnd(8)} ${reason.padEnd(12)} ${message === status.message ? '' : message}`.trimEnd(),
    ),
    ...(failed.length === 0 ? [] : ['', '  failed sub-jobs:']),
    ...failed.map(({ type = '', resourceName, reason = '' }) =>
      paint.bad(`    ${type.padEnd(18)} ${reason}${resourceName === undefined ? '' : ` (${resourceName})`}`),
    ),
  ];
}
