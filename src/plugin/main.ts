#!/usr/bin/env node
import { stopSignal } from '../stopSignal.js';

/** The command line of kubectl's plugin: `kubectl cloudjob …` runs `kubectl-cloudjob …`. */
const stop = stopSignal();
// The reader of the output may stop (`| head`).
process.stdout.on('error', () => process.exit(0));
void run();

/** A function, because the executables are CommonJS, which knows no `await` outside of one. */
async function run(): Promise<void> {
  // Everything else is loaded after the handlers are there.
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
}
