import type { Clock } from '../clock.js';
import { errorText } from '../errorText.js';
import { cleanText } from '../text.js';
import { KubeconfigError } from '../kube/access/access.js';
import { UsageError } from '../commandLine.js';
import { ProxyError } from '../proxy.js';
import { readInvocation, type Invocation } from './cli.js';
import { connect, type Cluster } from './cluster.js';
import { EXIT, type CommandContext } from './commands/context.js';
import { complete } from './commands/complete.js';
import { create } from './commands/create.js';
import { list } from './commands/list.js';
import { logs } from './commands/logs.js';
import { tree } from './commands/tree.js';
import { version } from './commands/version.js';
import { watch } from './commands/watch.js';
import type { Command, Flags } from './flags.js';
import { makeOutput, type OutputStream } from './output.js';
import { usage } from './usage.js';

/** The plugin's process: streams, environment, time, randomness. */
export interface PluginProcess {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: OutputStream;
  readonly stderr: Pick<OutputStream, 'write'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Returns 0 up to, not including, 1. */
  readonly random: () => number;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

const MAX_MESSAGE = 2048;

/** Runs `kubectl cloudjob ARGS` and returns its exit code. */
export async function runPlugin(args: readonly string[], process: PluginProcess): Promise<number> {
  const { stdout, stderr, env, signal } = process;
  let command: Command | undefined;
  try {
    if (args[0] === '__complete') {
      const context = { ...process, output: makeOutput(stdout, stderr, env, true) };
      return await complete(args.slice(1), (flags, work) => withCluster(flags, context, work), context);
    }
    const invocation = readInvocation(args);
    ({ command } = invocation);
    if (invocation.kind === 'help') {
      stdout.write(usage(command));
      return EXIT.ok;
    }
    const output = makeOutput(stdout, stderr, env, invocation.flags.noColor);
    return await runCommand(invocation, { ...process, output });
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    stderr.write(`kubectl cloudjob: ${cleanText(errorText(error), MAX_MESSAGE)}\n`);
    const isUsage = [UsageError, KubeconfigError, ProxyError].some((kind) => error instanceof kind);
    // For these two commands, "could not find out" is not the same as "found something bad".
    return isUsage || command === 'watch' || command === 'doctor' ? EXIT.usage : EXIT.failed;
  }
}

async function runCommand(
  { command, names, flags }: Extract<Invocation, { kind: 'run' }>,
  context: CommandContext,
): Promise<number> {
  const [name = ''] = names;
  const isJSON = flags.output === 'json';
  switch (command) {
    case 'list':
      return withCluster(flags, context, (cluster) => list(cluster, flags, context));
    case 'tree':
      return withCluster(flags, context, (cluster) => tree(cluster, names, flags, context));
    case 'watch':
      return withCluster(flags, context, (cluster) => watch(cluster, names, flags, context));
    case 'logs':
      return withCluster(flags, context, (cluster) => logs(cluster, name, isJSON, context));
    case 'create':
      return create(flags, (apply) => withCluster(flags, context, apply), context);
    case 'version':
      return version((work) => withCluster(flags, context, work), flags.operatorNamespace, isJSON, context);
    case 'discover': {
      const { discover } = await import('./commands/discover.js');
      return withCluster(flags, context, (cluster) => discover(cluster, flags, context));
    }
    case 'doctor': {
      // Other commands do not call the cloud, and start without that code.
      const { doctor } = await import('./commands/doctor.js');
      return withCluster(flags, context, (cluster) => doctor(cluster, name, flags, context));
    }
  }
}

async function withCluster<T>(
  flags: Flags,
  { clock, random, env }: CommandContext,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await connect(flags, clock, random, env);
  try {
    return await work(cluster);
  } finally {
    cluster.transport.close();
  }
}
