import { existsSync } from 'node:fs';
import { ratioOf, reaches, summarise, type Figure } from '../../test/bench/figure.js';
import { round } from '../../test/bench/report.js';
import { readResults, type StoredRow } from '../../test/bench/results.js';
import { million } from './performanceMillion.js';
import { markdownTable } from './table.js';

const MEASURED = 'docs/performance.json';
/** Some rows of another build, measured on the same machine. */
const MEASURED_BEFORE = 'docs/performance-before.json';
const BEFORE = 'CLOUDJOB_BENCH_OPERATOR=FILE npm run bench -- --json docs/performance-before.json ROW…';
/** Tables in docs/performance.md: the title of the first column, and the rows of the bench that are in it. */
const TABLES = {
  statuses: ['Statuses', 'twin', 'transitions'],
  polls: ['Polls and memory', 'polls', 'memory'],
  flags: ['Flags of Node', 'flags'],
  waits: ['Waiting', 'apply', 'start'],
  growth: ['A day, and many renewals', 'day', 'churn', 'lease'],
  shards: ['Replicas', 'shards'],
} as const;

/** What `npm run bench -- --json docs/performance.json` left there, in blocks. */
export const PERFORMANCE_BLOCKS: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(
    Object.entries(TABLES).map(([name, [title, ...rows]]) => [
      `performance-${name}`,
      () => table(title, rows),
    ]),
  ),
  'performance-image': blockOf(['image'], image),
  'performance-cadence': blockOf(['cadence'], cadence),
  'performance-sizes': blockOf(['memory', 'polls'], sizes),
  'performance-million': blockOf(['memory', 'polls', 'transitions'], million),
  'performance-before': before,
};

/** A block that is made of those rows; where one was not measured yet it says so. */
function blockOf<Names extends readonly [string, ...string[]]>(
  names: Names,
  print: (...rows: { readonly [Index in keyof Names]: StoredRow }) => string,
): () => string {
  return () => {
    const { rows, missing } = stored(names);
    return missing ?? print(...(rows as { [Index in keyof Names]: StoredRow }));
  };
}

/** The rows of these names that were measured, and what to say of the others. */
function stored(names: readonly string[]): {
  readonly rows: readonly StoredRow[];
  readonly missing: string | undefined;
} {
  const all = readResults(MEASURED);
  const rows = names.flatMap((name) => all.filter(({ row }) => row === name));
  const missing = names.filter((name) => !rows.some(({ row }) => row === name));
  return {
    rows,
    missing:
      missing.length === 0 ? undefined : `Not measured yet: \`npm run bench -- ${missing.join(' ')}\`.`,
  };
}

function table(title: string, names: readonly string[]): string {
  const { rows, missing } = stored(names);
  const head = [title, 'Median', 'Spread', 'Against', 'Ratio', 'Goal'];
  const lines = rows.flatMap(({ figures }) => figures.map(cells));
  const used = head.map((_, column) => lines.some((line) => line[column] !== ''));
  const short = (line: readonly string[]): string[] => line.filter((_, column) => used[column]);
  return [
    ...(lines.length === 0 ? [] : [markdownTable(short(head), lines.map(short))]),
    [
      ...(lines.length === 0 ? [] : [circumstancesOf(rows)]),
      ...(missing === undefined ? [] : [missing]),
    ].join(' '),
  ].join('\n\n');
}

/** What the image has in it. */
function image(row: StoredRow): string {
  const parts = row.figures.map(
    ({ what, unit, values }) => `${what} ${round(summarise(values).median)} ${unit}`,
  );
  return `The image: ${parts.join(', ')}. ${circumstances(row)}`;
}

/** One line for each interval. */
function cadence(row: StoredRow): string {
  const intervals = new Set(row.figures.map(({ what }) => intervalOf(what)));
  const lines = [...intervals].map((interval) => {
    const figures = row.figures.filter(({ what }) => intervalOf(what) === interval);
    const bounds = figures.map(({ against }) => summarise(against?.values ?? []).median);
    const seconds = [...figures.map(({ values }) => summarise(values).median), Math.max(...bounds)];
    return [interval, ...seconds.map((value) => `${round(value)} s`)];
  });
  const head = ['Polls', 'Half within', '90 of 100', '99 of 100', 'Bound'];
  return `${markdownTable(head, lines)}\n\n${circumstances(row)}`;
}

function intervalOf(what: string): string {
  return what.split(',')[0] ?? '';
}

/** Another build beside this one, where both have the figure. */
function before(): string {
  if (!existsSync(MEASURED_BEFORE)) return `Not measured yet: \`${BEFORE}\`.`;
  const now = readResults(MEASURED);
  const then = readResults(MEASURED_BEFORE);
  const lines = then.flatMap(({ row, figures }) =>
    figures.flatMap(({ what, unit, values }) => {
      const figure = now.find((one) => one.row === row)?.figures.find((one) => one.what === what);
      const median = (of: readonly number[]): string => `${round(summarise(of).median)} ${unit}`.trim();
      return figure === undefined ? [] : [[what, median(values), median(figure.values)]];
    }),
  );
  return `${markdownTable(['', 'Before', 'Now'], lines)}\n\n${circumstancesOf(then)}`;
}

/** What an installation has to be given, by how many CloudJobs it follows. */
function sizes(memory: StoredRow, polls: StoredRow): string {
  const resident = 'resident with ';
  const most = ', the most';
  const medianOf = (what: string): string => {
    const found = memory.figures.find((figure) => figure.what === what);
    return found === undefined ? '' : `${Math.round(summarise(found.values).median)} ${found.unit}`;
  };
  const lines = memory.figures
    .filter(({ what }) => what.startsWith(resident) && !what.endsWith(most))
    .map(({ what }) => [what.slice(resident.length), medianOf(what), medianOf(what + most)]);
  const [poll] = polls.figures;
  if (poll === undefined) throw new Error('the row polls has no figure');
  const cpu = `A poll costs ${round(summarise(poll.values).median)} ${poll.unit} of CPU time.`;
  return `${markdownTable(['CloudJobs', 'Resident memory', 'At the most'], lines)}\n\n${circumstances(memory)} ${cpu}`;
}

function cells(figure: Figure): string[] {
  const { what, unit, values, against, goal } = figure;
  const { median, min, max } = summarise(values);
  const ratio = ratioOf(figure);
  return [
    what,
    `${round(median)} ${unit}`.trim(),
    values.length > 1 ? `${round(min)}–${round(max)}` : '',
    against === undefined
      ? ''
      : `${[round(summarise(against.values).median), unit].join(' ').trim()}: ${against.what}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    goal === undefined
      ? ''
      : `${'atMost' in goal ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`}: ${reaches(figure) === true ? 'yes' : 'no'}`,
  ];
}

/** Once, if they are the same for all; else beside the names of the rows. */
function circumstancesOf(rows: readonly StoredRow[]): string {
  const all = [...new Set(rows.map(circumstances))];
  if (all.length === 1) return all.join('');
  return all
    .map((one) => {
      const names = rows.filter((row) => circumstances(row) === one).map(({ row }) => `\`${row}\``);
      return `${names.join(', ')}: ${one}`;
    })
    .join(' ');
}

function circumstances({ measured }: StoredRow): string {
  const { date, node, cpu, cores, memoryGiB, api, quick } = measured;
  const kind = quick ? '**Quick run, with too few objects and runs to judge by.** ' : '';
  const place = `${date}, Node ${node}, ${cores} cores (${cpu}), ${memoryGiB} GiB`;
  return `${kind}${[place, ...(api === undefined ? [] : [api])].join(', ')}.`;
}
