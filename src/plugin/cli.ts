import { parseArgs, types } from 'node:util';

export const COMMANDS = ['list', 'tree', 'watch', 'logs', 'create', 'doctor'] as const;
export type Command = (typeof COMMANDS)[number];

interface Flag {
  readonly short?: string;
  /** The word for its value in the usage; absent: it takes none. */
  readonly takes?: string;
  readonly help: string;
  /** Absent: all. */
  readonly commands?: readonly Command[];
}

export const FLAGS = {
  namespace: { short: 'n', takes: 'NS', help: "default: the kubeconfig context's" },
  'all-namespaces': { short: 'A', help: 'of all namespaces', commands: ['list'] },
  context: { takes: 'NAME', help: 'the context of the kubeconfig to use' },
  kubeconfig: { takes: 'FILE', help: 'default: as kubectl finds it' },
  output: { short: 'o', takes: 'json', help: 'for programs' },
  'no-color': { help: 'no colours; there are none anyway when NO_COLOR is set or it is not a terminal' },
  timeout: {
    takes: 'TIME',
    help: 'give up after this, for example 90s or 1h30m; default 1h',
    commands: ['watch'],
  },
  'from-response': {
    takes: 'FILE',
    help: 'the reply (JSON) of the cloud to the call that started the job; - is standard input',
    commands: ['create'],
  },
  name: { takes: 'NAME', help: 'of the CloudJob; default: the job ID in lower case', commands: ['create'] },
  'project-id': { takes: 'ID', help: 'of the cloud project of the job', commands: ['create'] },
  region: { takes: 'NAME', help: "of the operator's region catalogue", commands: ['create'] },
  secret: { takes: 'NAME', help: 'the Secret with the cloud credentials', commands: ['create'] },
  apply: { help: 'create it in the cluster instead of writing its manifest', commands: ['create'] },
  config: {
    takes: 'FILE',
    help: "the operator's config file, when its regions are not the built-in ones",
    commands: ['doctor'],
  },
  'operator-namespace': {
    takes: 'NS',
    help: 'where the operator runs; default cloudjob-system',
    commands: ['doctor'],
  },
  'operator-service-account': {
    takes: 'NAME',
    help: 'the account it runs as; default cloudjob-operator',
    commands: ['doctor'],
  },
  help: { short: 'h', help: 'this text' },
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;

/** The flags that were given; what they must look like is checked, unless who uses them knows better. */
export interface Flags {
  readonly namespace?: string | undefined;
  readonly allNamespaces: boolean;
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly json: boolean;
  readonly noColor: boolean;
  /** Milliseconds. */
  readonly timeoutMs: number;
  readonly fromResponse?: string | undefined;
  readonly name?: string | undefined;
  readonly projectID?: string | undefined;
  readonly region?: string | undefined;
  readonly secret?: string | undefined;
  readonly apply: boolean;
  readonly config?: string | undefined;
  readonly operatorNamespace: string;
  readonly operatorServiceAccount: string;
}

export type Invocation =
  | { readonly kind: 'help'; readonly command: Command | undefined }
  | {
      readonly kind: 'run';
      readonly command: Command;
      /** Of CloudJobs. */
      readonly names: readonly string[];
      readonly flags: Flags;
    };

/** A command line that cannot be used; the message is one line and says what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const DEFAULT_TIMEOUT_MS = 3_600_000;
/** What node's timers take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** The most CloudJobs that are watched at a time: each has a connection of its own. */
const MAX_NAMES = 64;
/** The name of a Kubernetes object in a path. */
const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** `kubectl get cjob -o name` and people write these before a name. */
const TYPE_PREFIX = /^(?:cjob|cloudjobs?)(?:\.cloudjob\.dev)?\//;

/** @throws UsageError */
export function readInvocation(args: readonly string[]): Invocation {
  const { values, positionals } = parse(args);
  const [word, ...rest] = positionals;
  if (word === 'help' || (word === undefined && values.help === true)) {
    return { kind: 'help', command: COMMANDS.find((name) => name === rest[0]) };
  }
  const command = COMMANDS.find((name) => name === word);
  if (command === undefined) {
    throw new UsageError(
      `${word === undefined ? 'no command' : `"${word}" is not a command`}; allowed: ${COMMANDS.join(', ')}, help`,
    );
  }
  if (values.help === true) return { kind: 'help', command };
  for (const name of Object.keys(values) as FlagName[]) {
    const flag: Flag = FLAGS[name];
    if (flag.commands !== undefined && !flag.commands.includes(command)) {
      throw new UsageError(`--${name} is a flag of ${flag.commands.join(', ')}, not of ${command}`);
    }
  }
  if (values['all-namespaces'] === true && values.namespace !== undefined) {
    throw new UsageError('--namespace and --all-namespaces exclude each other; leave out one of them');
  }
  return {
    kind: 'run',
    command,
    names: readNames(command, rest),
    flags: {
      namespace: objectName('--namespace', values.namespace),
      allNamespaces: values['all-namespaces'] ?? false,
      context: values.context,
      kubeconfig: values.kubeconfig,
      json: readFormat(values.output),
      noColor: values['no-color'] ?? false,
      timeoutMs: readTimeout(values.timeout),
      fromResponse: values['from-response'],
      name: objectName('--name', values.name),
      projectID: values['project-id'],
      region: values.region,
      secret: objectName('--secret', values.secret),
      apply: values.apply ?? false,
      config: values.config,
      operatorNamespace:
        objectName('--operator-namespace', values['operator-namespace']) ?? 'cloudjob-system',
      operatorServiceAccount:
        objectName('--operator-service-account', values['operator-service-account']) ?? 'cloudjob-operator',
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: {
        namespace: { type: 'string', short: 'n' },
        'all-namespaces': { type: 'boolean', short: 'A' },
        context: { type: 'string' },
        kubeconfig: { type: 'string' },
        output: { type: 'string', short: 'o' },
        'no-color': { type: 'boolean' },
        timeout: { type: 'string' },
        'from-response': { type: 'string' },
        name: { type: 'string' },
        'project-id': { type: 'string' },
        region: { type: 'string' },
        secret: { type: 'string' },
        apply: { type: 'boolean' },
        config: { type: 'string' },
        'operator-namespace': { type: 'string' },
        'operator-service-account': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      } satisfies Record<FlagName, { type: 'string' | 'boolean'; short?: string }>,
    });
  } catch (error) {
    const problem = types.isNativeError(error) ? error.message.split(/\.\s/)[0] : 'unreadable';
    throw new UsageError(`${problem}; "kubectl cloudjob help" lists the flags`);
  }
}

function readNames(command: Command, words: readonly string[]): readonly string[] {
  const names = [...new Set(words.map((word) => word.replace(TYPE_PREFIX, '')))];
  for (const name of names) objectName(command, name);
  const [least, most] = {
    list: [0, 0],
    tree: [1, MAX_NAMES],
    watch: [1, MAX_NAMES],
    logs: [1, 1],
    create: [0, 0],
    doctor: [1, 1],
  }[command] as [number, number];
  if (names.length < least) throw new UsageError(`${command}: the name of a CloudJob is missing`);
  if (names.length > most) {
    throw new UsageError(
      most === 0
        ? `${command} takes no names, and "${names[0]}" is one`
        : `${command} takes ${most === 1 ? 'one name' : `at most ${most} names`}, not ${names.length}`,
    );
  }
  return names;
}

function objectName(where: string, name: string | undefined): string | undefined {
  if (name === undefined || OBJECT_NAME.test(name)) return name;
  throw new UsageError(
    `${where}: "${name}" is not a name; allowed: a-z 0-9 - and ., a letter or digit first and last`,
  );
}

function readFormat(format: string | undefined): boolean {
  if (format === undefined || format === 'json') return format === 'json';
  throw new UsageError(`--output: "${format}" is not allowed; allowed: json`);
}

/** Seconds, or a duration as kubectl takes it. */
function readTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const match = /^(?:(\d+)|(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?)$/.exec(text);
  const [, plain = '0', hours = '0', minutes = '0', seconds = '0'] = match ?? [];
  const ms = (Number(plain) + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  if (match !== null && ms > 0 && ms <= MAX_TIMEOUT_MS) return ms;
  throw new UsageError(
    `--timeout: "${text}" is not allowed; allowed: seconds, or a time such as 90s, 20m or 1h30m, up to 596h`,
  );
}
