#!/usr/bin/env node
import { stopSignal } from '../stopSignal.js';

/** The command line of kubectl's plugin: `kubectl cloudjob …` runs `kubectl-cloudjob …`. */
const stop = stopSignal();
// The reader of the output may stop (`| head`).
process.stdout.on('error', () => process.exit(0));

// Everything else is loaded after that.
const { systemClock } = await import('../clock.js');
const { runPlugin } = await import('./run.js');
process.exitCode = await runPlugin(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  random: Math.random,
  signal: stop,
});
