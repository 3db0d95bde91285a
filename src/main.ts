#!/usr/bin/env node
import { stopSignal } from './stopSignal.js';

const stop = stopSignal();
// Everything else is loaded after that.
const { runCommand } = await import('./commands.js');
process.exitCode = await runCommand(process.argv.slice(2), stop);
