import { crdYaml } from './api/crd.js';
import { flagLines, UsageError } from './commandLine.js';
import { errorText } from './errorText.js';
import { isRecord } from './json.js';
import { KubeconfigError } from './kube/access/access.js';
import { PortError } from './ops/http.js';
import { createWinstonLogger } from './ops/logger.js';
import { runOperator } from './operator/operator.js';
import { ProxyError } from './proxy.js';
import { readConfig } from './settings/config.js';
import { RUN_FLAGS } from './settings/flags.js';
import { readSettings } from './settings/settings.js';

const USAGE = `Usage: cloudjob-operator COMMAND [FLAGS]

  run      follows cloud jobs and reports their state in the status of CloudJobs
  crd      prints the CustomResourceDefinition
  sandbox  starts a local Kubernetes API and a simulated CCE, to try things out (sandbox --help)

Flags of run, each also as an environment variable:
${flagLines(Object.values(RUN_FLAGS)).join('\n')}
`;

/**
 * Runs `cloudjob-operator ARGS` until its work is done or `stop` aborts. Never throws: it writes an error as one line to
 * standard error.
 *
 * @returns the exit code: 0 done, 1 failed, 2 unusable arguments or settings
 */
export async function runCommand([command, ...args]: readonly string[], stop: AbortSignal): Promise<number> {
  try {
    switch (command) {
      case 'run':
        if (args.includes('--help') || args.includes('-h')) return print(USAGE);
        return await run(args, stop);
      case 'crd':
        return print(crdYaml());
      case 'sandbox':
        return await sandbox(args, stop);
      case 'help':
      case '--help':
      case '-h':
        return print(USAGE);
      default:
        throw new UsageError(
          `${command === undefined ? 'no command' : `"${command}" is not a command`}; allowed: run, crd, sandbox, help`,
        );
    }
  } catch (error) {
    process.stderr.write(`cloudjob-operator: ${errorText(error)}\n`);
    return [UsageError, KubeconfigError, ProxyError, PortError].some((kind) => error instanceof kind) ? 2 : 1;
  }
}

async function run(args: readonly string[], stop: AbortSignal): Promise<number> {
  const settings = readSettings(args, process.env);
  const logger = createWinstonLogger({ level: settings.logLevel, format: settings.logFormat });
  await runOperator(settings, logger, stop);
  return 0;
}

async function sandbox(args: readonly string[], stop: AbortSignal): Promise<number> {
  // Loaded only here: in production it would take a third of the operator's memory.
  const { runSandbox } = await import('./sandbox/sandbox.js').catch(notInImage);
  return runSandbox(args, {
    runOperator: ({ config, ...options }, signal) => {
      const settings = {
        ...options,
        leaderElect: false,
        shards: 1,
        podUID: undefined,
        logFormat: 'pretty' as const,
        config: readConfig(config, 'sandbox', {}),
      };
      const logger = createWinstonLogger({ level: settings.logLevel, format: settings.logFormat });
      return runOperator(settings, logger, signal);
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: stop,
  });
}

function notInImage(error: unknown): never {
  if (isRecord(error) && error['code'] === 'ERR_MODULE_NOT_FOUND') {
    throw new UsageError(
      'sandbox: is not in the image; it runs from a clone of the repository: npm run demo',
    );
  }
  throw error;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
