#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { crdYaml } from './api/crd.js';
import { KubeconfigError } from './kube/access/access.js';
import { PortError } from './ops/http.js';
import { createWinstonLogger } from './ops/logger.js';
import { runOperator } from './operator.js';
import { ProxyError } from './proxy.js';
import { LOG_LEVELS, readConfig, readSettings, RUN_FLAGS, SettingsError } from './settings.js';

const USAGE = `Usage: cloudjob-operator COMMAND [FLAGS]

  run      keeps the status of CloudJobs true to the cloud jobs that they name
  crd      prints the CustomResourceDefinition
  sandbox  a local Kubernetes API and a simulated CCE, to try things on (sandbox --help)

Flags of run, each also as an environment variable:
${Object.entries(RUN_FLAGS)
  .map(([flag, { env, takes, help }]) => `  --${flag} ${takes}  (${env})\n      ${help}`)
  .join('\n')}
`;

/** Aborts on the first SIGINT or SIGTERM; a second one ends the process at once. */
function untilSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  return stop.signal;
}

/**
 * V8 lets garbage pile up to several times what is in use before it collects all of it. What the operator holds is
 * mostly text in few objects, quickly collected: for little CPU time it needs half of the memory. An engine that does
 * not know the flag says so and goes on.
 */
const V8_FLAGS = '--heap-growing-percent=30';

async function run(args: readonly string[]): Promise<number> {
  setFlagsFromString(V8_FLAGS);
  const settings = readSettings(args, process.env);
  const logger = createWinstonLogger({ level: settings.logLevel, format: settings.logFormat });
  await runOperator(settings, logger, untilSignal());
  return 0;
}

async function sandbox(args: readonly string[]): Promise<number> {
  // Not loaded by the operator in production: it would take a third of its memory.
  const { runSandbox } = await import('./sandbox/sandbox.js');
  return runSandbox(args, {
    runOperator: ({ config, logLevel, ...options }, signal) => {
      const level = LOG_LEVELS.find((name) => name === logLevel) ?? 'warn';
      const settings = {
        ...options,
        leaderElect: false,
        shards: 1,
        logFormat: 'pretty' as const,
        logLevel: level,
        config: readConfig(config, 'sandbox', {}),
      };
      return runOperator(settings, createWinstonLogger({ level, format: 'pretty' }), signal);
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: untilSignal(),
  });
}

/** Exit codes: 0 done, 1 failed, 2 told something that cannot be used. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case 'run':
      if (args.includes('--help') || args.includes('-h')) break;
      return run(args);
    case 'crd':
      process.stdout.write(crdYaml());
      return 0;
    case 'sandbox':
      return sandbox(args);
    case 'help':
    case '--help':
    case '-h':
      break;
    default:
      process.stderr.write(
        `cloudjob-operator: ${command === undefined ? 'no command' : `"${command}" is not a command`}; allowed: run, crd, sandbox, help\n`,
      );
      return 2;
  }
  process.stdout.write(USAGE);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = [SettingsError, KubeconfigError, ProxyError, PortError].some((kind) => error instanceof kind);
  process.stderr.write(`cloudjob-operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = known ? 2 : 1;
}
