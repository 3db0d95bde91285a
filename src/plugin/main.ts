#!/usr/bin/env node
import { systemClock } from '../clock.js';
import { runPlugin } from './run.js';

/** The command line of kubectl's plugin: `kubectl cloudjob …` runs `kubectl-cloudjob …`. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}
// Whoever reads may stop reading (`| head`).
process.stdout.on('error', () => process.exit(0));

process.exitCode = await runPlugin(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  random: Math.random,
  signal: stop.signal,
});
