import { parseCommandLine, readFlags, UsageError, type GivenFlags } from '../commandLine.js';
import {
  COMMAND_NAMES,
  COMMANDS,
  FLAGS,
  MOST_NAMES,
  type Command,
  type Flags,
  type PluginFlag,
} from './flags.js';
import { objectName } from './flagValues.js';

/** A parsed command line. */
export type Invocation =
  | { readonly kind: 'help'; readonly command: Command | undefined }
  | {
      readonly kind: 'run';
      readonly command: Command;
      /** Names of CloudJobs. */
      readonly names: readonly string[];
      readonly flags: Flags;
    };

/** `kubectl get cjob -o name` and people write one of these before a name. */
const TYPE_PREFIX = /^(?:cjob|cloudjobs?)(?:\.cloudjob\.dev)?\//;

/** @throws UsageError */
export function readInvocation(args: readonly string[]): Invocation {
  const { words, given } = parseCommandLine(FLAGS, args, { allowWords: true, explain });
  const [word, ...rest] = words;
  if (word === 'help' || (word === undefined && given.has('help'))) {
    return { kind: 'help', command: COMMAND_NAMES.find((name) => name === rest[0]) };
  }
  const command = COMMAND_NAMES.find((name) => name === word);
  if (command === undefined) {
    throw new UsageError(
      `${word === undefined ? 'no command' : `"${word}" is not a command`}; allowed: ${COMMAND_NAMES.join(', ')}, help`,
    );
  }
  if (given.has('help')) return { kind: 'help', command };
  refuseFlagsOfOthers(command, given);
  if (given.has('allNamespaces') && given.has('namespace')) {
    throw new UsageError('--namespace and --all-namespaces exclude each other; leave out one of them');
  }
  const flags = readFlags(FLAGS, given);
  if (flags.output === 'yaml' && command !== 'create' && command !== 'discover') {
    throw new UsageError(`--output: "yaml" is for create and discover; allowed for ${command}: json`);
  }
  return { kind: 'run', command, names: readNames(command, rest, given), flags };
}

/** The flags that may stand in place of names. */
const FINDERS = ['selector', 'all'] as const;

function explain(problem: string): string {
  return `${problem}; "kubectl cloudjob help" lists the flags`;
}

function refuseFlagsOfOthers(command: Command, given: GivenFlags): void {
  for (const [name, { flag, commands }] of Object.entries<PluginFlag>(FLAGS)) {
    if (given.has(name) && commands !== undefined && !commands.includes(command)) {
      throw new UsageError(`${flag} is a flag of ${commands.join(', ')}, not of ${command}`);
    }
  }
}

function readNames(command: Command, words: readonly string[], given: GivenFlags): readonly string[] {
  const names = [...new Set(words.map((word) => word.replace(TYPE_PREFIX, '')))];
  for (const name of names) objectName({ key: command, values: [name] });
  const { least, most } = COMMANDS[command].names;
  const ways = [
    ...(names.length > 0 ? ['names'] : []),
    ...FINDERS.filter((flag) => given.has(flag)).map((name) => FLAGS[name].flag),
  ];
  if (most === MOST_NAMES && ways.length > 1) {
    throw new UsageError(`${command}: ${ways.join(' and ')} exclude each other; give one of them`);
  }
  if (ways.length < least) {
    const others = most === MOST_NAMES ? '; --selector or --all stand for names' : '';
    throw new UsageError(`${command}: the name of a CloudJob is missing${others}`);
  }
  if (names.length <= most) return names;
  throw new UsageError(
    most === 0
      ? `${command} takes no names, and "${names[0]}" is one`
      : `${command} takes ${most === 1 ? 'one name' : `at most ${most} names`}, not ${names.length}`,
  );
}
