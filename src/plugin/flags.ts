import { isGiven, lastValue, oneOf, type Flag, type FlagValues, type Given } from '../commandLine.js';
import { durationMs, labelSelector, objectName } from './flagValues.js';

interface CommandRow {
  /** The command line. */
  readonly line: string;
  readonly about: string;
  /** The meaning of its exit codes. */
  readonly codes: string;
  /** How many CloudJobs it takes by name. */
  readonly names: { readonly least: number; readonly most: number };
}

const ORDINARY_CODES = '0 success, 1 failure, 2 an argument or file cannot be used';
const NO_NAME = { least: 0, most: 0 };
const ONE_NAME = { least: 1, most: 1 };
/** The limit exists because each watched CloudJob has a connection of its own. */
export const MOST_NAMES = 64;
const NAMES = { least: 1, most: MOST_NAMES };

/** The commands of `kubectl cloudjob`: parsing, help and docs use this table and the next. */
export const COMMANDS = {
  list: {
    line: 'list [-l SELECTOR] [-A]',
    about: 'lists CloudJobs; those that need attention come first',
    codes: ORDINARY_CODES,
    names: NO_NAME,
  },
  tree: {
    line: 'tree NAME... | -l SELECTOR | --all',
    about: 'prints the tree of sub-jobs once',
    codes: ORDINARY_CODES,
    names: NAMES,
  },
  watch: {
    line: 'watch NAME... | -l SELECTOR | --all',
    about:
      'shows the tree of sub-jobs, live, until all jobs have ended; without a terminal, prints a line for each change',
    codes:
      '0 all jobs have succeeded, 1 one has failed, 2 unclear: not found or deleted, stalled, suspended, timeout, API unreachable; 130 interrupted',
    names: NAMES,
  },
  logs: {
    line: 'logs NAME',
    about: 'shows what happened, from the Events that the cluster still has',
    codes: ORDINARY_CODES,
    names: ONE_NAME,
  },
  create: {
    line: 'create --from-response FILE',
    about:
      "writes a CloudJob's manifest for the job in a reply of the cloud's API; with --apply, creates the CloudJob",
    codes: ORDINARY_CODES,
    names: NO_NAME,
  },
  discover: {
    line: 'discover --region NAME',
    about:
      'lists the jobs of a cloud project and the CloudJob that follows each; with --apply or -o yaml, makes CloudJobs for the others',
    codes: ORDINARY_CODES,
    names: NO_NAME,
  },
  doctor: {
    line: 'doctor NAME',
    about: 'finds the first problem between you and the job, as seen from this machine, and its remedy',
    codes: '0 no problem, 1 a problem was found, 2 no problem was found but not everything could be checked',
    names: ONE_NAME,
  },
  version: {
    line: 'version',
    about:
      'prints the version of the plugin and, if the cluster says so, the served versions of CloudJobs and the image of the operator',
    codes: ORDINARY_CODES,
    names: NO_NAME,
  },
} as const satisfies Readonly<Record<string, CommandRow>>;

export type Command = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly Command[];

/** A flag of the plugin. */
export interface PluginFlag extends Flag<unknown> {
  /** The commands that have it; absent: all. */
  readonly commands?: readonly Command[];
}

const DEFAULT_TIMEOUT_MS = 3_600_000;

export const FLAGS = {
  namespace: {
    flag: '--namespace',
    short: 'n',
    takes: 'NS',
    help: "the namespace; default: that of the kubeconfig's context",
    read: objectName,
  },
  allNamespaces: {
    flag: '--all-namespaces',
    short: 'A',
    help: 'list CloudJobs of all namespaces',
    commands: ['list'],
    read: isGiven,
  },
  selector: {
    flag: '--selector',
    short: 'l',
    takes: 'SELECTOR',
    help: 'the CloudJobs with these labels, for example team=a,stage!=test',
    commands: ['list', 'tree', 'watch'],
    read: labelSelector,
  },
  all: {
    flag: '--all',
    help: 'all CloudJobs of the namespace',
    commands: ['tree', 'watch'],
    read: isGiven,
  },
  context: {
    flag: '--context',
    takes: 'NAME',
    help: 'the context of the kubeconfig to use',
    read: lastValue,
  },
  kubeconfig: {
    flag: '--kubeconfig',
    takes: 'FILE',
    help: 'the kubeconfig; default: as for kubectl',
    read: lastValue,
  },
  output: {
    flag: '--output',
    short: 'o',
    takes: 'json|yaml',
    help: 'output for programs; yaml only with create and discover',
    read: oneOf(['json', 'yaml']),
  },
  noColor: {
    flag: '--no-color',
    help: 'print without colours, as with NO_COLOR or without a terminal',
    read: isGiven,
  },
  timeoutMs: {
    flag: '--timeout',
    takes: 'TIME',
    help: 'give up after this, for example 90s or 1h30m; default 1h',
    commands: ['watch'],
    read: (given: Given) => durationMs(given) ?? DEFAULT_TIMEOUT_MS,
  },
  fromResponse: {
    flag: '--from-response',
    takes: 'FILE',
    help: 'the reply (JSON) of the cloud to the call that started the job; - is standard input',
    commands: ['create'],
    read: lastValue,
  },
  name: {
    flag: '--name',
    takes: 'NAME',
    help: 'name of the CloudJob; default: the job ID in lower case',
    commands: ['create'],
    read: objectName,
  },
  projectID: {
    flag: '--project-id',
    takes: 'ID',
    help: 'ID of the cloud project of the job',
    commands: ['create'],
    read: lastValue,
  },
  project: {
    flag: '--project',
    takes: 'ID',
    help: 'ID of the cloud project; default: that of the credentials',
    commands: ['discover'],
    read: lastValue,
  },
  cluster: {
    flag: '--cluster',
    takes: 'UID',
    help: 'only jobs of that cluster',
    commands: ['discover'],
    read: lastValue,
  },
  type: {
    flag: '--type',
    takes: 'TYPE',
    help: 'only jobs of that type, for example CreateCluster',
    commands: ['discover'],
    read: lastValue,
  },
  sinceMs: {
    flag: '--since',
    takes: 'TIME',
    help: 'only jobs that were created within this time, for example 1h',
    commands: ['discover'],
    read: durationMs,
  },
  region: {
    flag: '--region',
    takes: 'NAME',
    help: "a region of the operator's catalogue",
    commands: ['create', 'discover'],
    read: lastValue,
  },
  clusterType: {
    flag: '--cluster-type',
    takes: 'Standard|Autopilot',
    help: 'type of the cluster that the job works on; default Standard',
    commands: ['create'],
    read: oneOf(['Standard', 'Autopilot']),
  },
  secret: {
    flag: '--secret',
    takes: 'NAME',
    help: 'the Secret with the cloud credentials; without it, discover uses those of the environment (OS_…, HW_…)',
    commands: ['create', 'discover'],
    read: objectName,
  },
  apply: {
    flag: '--apply',
    help: 'create the CloudJob in the cluster',
    commands: ['create', 'discover'],
    read: isGiven,
  },
  config: {
    flag: '--config',
    takes: 'FILE',
    help: "the operator's config file, if the region is not a built-in one",
    commands: ['doctor', 'discover'],
    read: lastValue,
  },
  operatorNamespace: {
    flag: '--operator-namespace',
    takes: 'NS',
    help: 'namespace of the operator; default cloudjob-system',
    commands: ['doctor', 'version'],
    read: (given: Given) => objectName(given) ?? 'cloudjob-system',
  },
  operatorServiceAccount: {
    flag: '--operator-service-account',
    takes: 'NAME',
    help: 'service account of the operator; default cloudjob-operator',
    commands: ['doctor'],
    read: (given: Given) => objectName(given) ?? 'cloudjob-operator',
  },
  help: { flag: '--help', short: 'h', help: 'print this text', read: isGiven },
} as const satisfies Readonly<Record<string, PluginFlag>>;

/** The values of the flags; `timeoutMs` in milliseconds. */
export type Flags = FlagValues<typeof FLAGS>;

/** The flags of a command; without a command, those that all commands have. */
export function flagsOf(command: Command | undefined): PluginFlag[] {
  return Object.values<PluginFlag>(FLAGS).filter(
    ({ commands }) => commands === undefined || (command !== undefined && commands.includes(command)),
  );
}
