import { parseArgs } from 'node:util';
import { Bench, type Row } from './bench.js';
import { passesGate } from './figure.js';
import { table, type RowResult } from './report.js';
import { writeResults } from './results.js';
import { apply } from './rows/apply.js';
import { cadence } from './rows/cadence.js';
import { churn } from './rows/churn.js';
import { day } from './rows/day.js';
import { nodeFlags } from './rows/nodeFlags.js';
import { image } from './rows/image.js';
import { lease } from './rows/lease.js';
import { memory } from './rows/memory.js';
import { polls } from './rows/polls.js';
import { shards } from './rows/shards.js';
import { source } from './rows/source.js';
import { start } from './rows/start.js';
import { transitions } from './rows/transitions.js';
import { twin } from './rows/twin.js';

const ROWS: readonly Row[] = [
  transitions,
  twin,
  polls,
  apply,
  cadence,
  start,
  memory,
  nodeFlags,
  day,
  churn,
  lease,
  image,
  source,
  shards,
];

const USAGE = `Usage: npm run bench -- [ROW…] [--quick] [--json FILE] [--gate]
Rows: ${ROWS.map(({ name }) => name).join(', ')}; all when none is named.
  --quick  fewer objects and runs
  --json   writes the figures to a file; rows of it that are not measured now stay
  --gate   a quick run of a few rows on the embedded Kubernetes API; exit code 1 when a figure is so far from its
           goal that noise cannot be why
CLOUDJOB_BENCH_OPERATOR names the dist/main.js of another build, which the rows that start the operator then measure.
`;

async function main(): Promise<number> {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      gate: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const unknown = positionals.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`there is no row "${unknown}"\n${USAGE}`);
    return 2;
  }
  const rows = ROWS.filter(({ name, gate = false }) =>
    positionals.length > 0 ? positionals.includes(name) : gate || !flags.gate,
  );

  const bench = new Bench(flags.quick || flags.gate, flags.gate);
  const results: RowResult[] = [];
  const failed: string[] = [];
  try {
    for (const row of rows) {
      process.stderr.write(`${row.name} …\n`);
      const startedAt = performance.now();
      try {
        const outcome = await row.run(bench);
        if ('skipped' in outcome) bench.progress(`skipped: ${outcome.skipped}`);
        else results.push({ row: row.name, figures: outcome, ...(row.writes && { api: bench.api }) });
      } catch (error) {
        failed.push(row.name);
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        await bench.stopOperator();
      }
      bench.progress(`took ${Math.round((performance.now() - startedAt) / 1000)} s`);
      // After each row: a long run that is stopped has something to show.
      if (flags.json !== undefined) writeResults(flags.json, results, bench.quick);
    }
  } finally {
    await bench.close();
  }
  process.stdout.write(`${table(results)}\n`);
  for (const name of failed) process.stderr.write(`could not be measured: ${name}\n`);
  const slipped = results.flatMap(({ figures }) => figures.filter((figure) => !passesGate(figure)));
  for (const { what } of flags.gate ? slipped : []) process.stderr.write(`too far from its goal: ${what}\n`);
  return failed.length > 0 || (flags.gate && slipped.length > 0) ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
// A row that failed may have left processes and connections; they end with this one.
process.exit(await main());
