import { join } from 'node:path';
import process from 'node:process';
import { ratioOf, reaches, summarise, type Figure } from '../../test/bench/figure.js';
import { round } from '../../test/bench/report.js';
import { readResults, type StoredRow } from '../../test/bench/results.js';
import { million } from './performanceMillion.js';
import { markdownTable } from './table.js';

/** Rows of the bench that have a table in docs/performance.md, and the title of its first column. */
const TABLES = {
  transitions: 'Statuses',
  polls: 'Polls',
  apply: 'A user waits',
  cadence: 'From a change to its status',
  start: 'Starting',
  memory: 'Memory',
  day: 'A day without news',
  churn: 'A day of churn',
  shards: 'Replicas',
} as const;
/** Why each direct dependency is there. */
const REASONS: Readonly<Record<string, string>> = {
  '@kubernetes/client-node': 'kubeconfigs with exec plugins and auth providers; not loaded for any other',
  '@marcbachmann/cel-js': "the CRD's rules in the sandbox's API; not loaded by the operator",
  '@opentelemetry/api': 'traces, for those who load an SDK',
  'cli-progress': 'the output of the kubectl plugin and the sandbox; not loaded by the operator',
  'cli-table3': 'the output of the kubectl plugin and the sandbox; not loaded by the operator',
  'js-yaml': 'kubeconfigs and the config file',
  'prom-client': 'metrics',
  'string-width': 'the output of the kubectl plugin and the sandbox; not loaded by the operator',
  winston: 'logs',
  zod: 'reads objects and settings, and is what the CRD is made from',
};
const ONLY_FOR = 'only for ';

/** What `npm run bench -- --json docs/performance.json` left there, in blocks. */
export const PERFORMANCE_BLOCKS: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(
    Object.entries(TABLES).map(([name, title]) => [
      `performance-${name}`,
      blockOf([name], (row) => table(title, row)),
    ]),
  ),
  'performance-image': blockOf(['image'], image),
  'performance-dependencies': blockOf(['image'], dependencies),
  'performance-sizes': blockOf(['memory', 'polls'], sizes),
  'performance-million': blockOf(['memory', 'polls', 'transitions'], million),
};

/** A block that is made of those rows; where one was not measured yet it says so. */
function blockOf<Names extends readonly [string, ...string[]]>(
  names: Names,
  print: (...rows: { readonly [Index in keyof Names]: StoredRow }) => string,
): () => string {
  return () => {
    const all = readResults(join(process.cwd(), 'docs/performance.json'));
    const rows = names.map((name) => all.find(({ row }) => row === name));
    const missing = names.filter((_, index) => rows[index] === undefined);
    if (missing.length > 0) return `Not measured yet: \`npm run bench -- ${missing.join(' ')}\`.`;
    return print(...(rows as { [Index in keyof Names]: StoredRow }));
  };
}

function table(title: string, row: StoredRow): string {
  const head = [title, 'Median', 'Spread', 'Against', 'Ratio', 'Goal'];
  return `${markdownTable(head, row.figures.map(cells))}\n\n${circumstances(row)}`;
}

function image(row: StoredRow): string {
  const lines = row.figures
    .filter(({ what }) => !what.startsWith(ONLY_FOR))
    .map(({ what, unit, values }) => [what, `${round(summarise(values).median)} ${unit}`]);
  return `${markdownTable(['Image', 'Size'], lines)}\n\n${circumstances(row)}`;
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
  const cpu = `A look costs ${round(summarise(poll.values).median)} ${poll.unit} of CPU time.`;
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

function circumstances({ measured }: StoredRow): string {
  const { date, node, cpu, cores, memoryGiB, api, quick } = measured;
  const kind = quick ? '**Quick run, with too few objects and runs to judge by.** ' : '';
  return `${kind}${date}, Node ${node}, ${cores} cores (${cpu}), ${memoryGiB} GiB, ${api}.`;
}

function dependencies({ figures }: StoredRow): string {
  return markdownTable(
    ['Package', 'MB', 'Why it is there'],
    figures
      .filter(({ what }) => what.startsWith(ONLY_FOR))
      .map(({ what, values }) => {
        const name = what.slice(ONLY_FOR.length);
        const reason = REASONS[name];
        if (reason === undefined) throw new Error(`${name} has no reason in scripts/docs/performance.ts`);
        return [`\`${name}\``, round(summarise(values).median), reason];
      }),
  );
}
