import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Bench, type Row } from './bench.js';
import { table, type RowResult } from './report.js';
import { memory } from './rows/memory.js';
import { polls } from './rows/polls.js';
import { start } from './rows/start.js';
import { transitions } from './rows/transitions.js';

const ROWS: readonly Row[] = [transitions, polls, memory, start];

const USAGE = `Usage: npm run bench -- [ROW…] [--quick] [--json FILE]
Rows: ${ROWS.map(({ name }) => name).join(', ')}; all when none is named.
`;

async function main(): Promise<void> {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  });
  const unknown = positionals.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`there is no row "${unknown[0]}"\n${USAGE}`);
  const rows = ROWS.filter(({ name, quick }) =>
    positionals.length > 0 ? positionals.includes(name) : quick || !flags.quick,
  );

  const bench = new Bench(flags.quick);
  const results: RowResult[] = [];
  try {
    for (const row of rows) {
      process.stderr.write(`${row.name} …\n`);
      results.push({ row: row.name, figures: await row.run(bench) });
    }
  } finally {
    await bench.close();
  }
  process.stdout.write(`${table(results)}\n`);
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, undefined, 1)}\n`);
}

await main();
