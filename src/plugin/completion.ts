import { parseCommandLine, readFlags } from '../commandLine.js';
import { COMMAND_NAMES, COMMANDS, FLAGS, flagsOf, type Flags, type PluginFlag } from './flags.js';

/** A word that the shell offers, with a few words about it. */
export interface Candidate {
  readonly word: string;
  readonly about?: string;
}

/** What may stand at the end of a command line that is not complete. */
export type Completion =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'files' }
  /** Names of objects of the cluster that the flags name; `taken` are on the command line. */
  | {
      readonly kind: 'cloudJobs' | 'namespaces';
      readonly flags: Flags;
      readonly taken: readonly string[];
    };

const NOTHING: Completion = { kind: 'words', candidates: [] };

/**
 * What may stand in place of the last argument, which may be empty. The candidates need not begin with it.
 *
 * @throws UsageError for arguments before the last that cannot be used
 */
export function completionOf(args: readonly string[]): Completion {
  const last = args.at(-1) ?? '';
  const before = args.slice(0, -1);
  const open = flagOf(before.at(-1));
  if (open?.takes !== undefined) return valuesOf(open.takes, before.slice(0, -1));
  if (last.startsWith('--') && last.includes('=')) {
    return valuesOf(flagOf(last.slice(0, last.indexOf('=')))?.takes, before);
  }
  const { words, given, flags } = read(before);
  const [word, ...names] = words;
  const command = COMMAND_NAMES.find((name) => name === word);
  if (last.startsWith('-')) {
    const keys = new Set([...given.values()].map(({ key }) => key));
    const left = flagsOf(command).filter(({ flag }) => !keys.has(flag));
    return { kind: 'words', candidates: left.map(({ flag, help }) => ({ word: flag, about: help })) };
  }
  if (word === undefined || (word === 'help' && names.length === 0)) {
    const commands = COMMAND_NAMES.map((name) => ({ word: name, about: COMMANDS[name].about }));
    const help = word === undefined ? [{ word: 'help', about: 'explains the plugin or a command' }] : [];
    return { kind: 'words', candidates: [...commands, ...help] };
  }
  if (command === undefined || names.length >= COMMANDS[command].names.most) return NOTHING;
  // These stand in place of names.
  if (flags.all || flags.selector !== undefined) return NOTHING;
  return { kind: 'cloudJobs', flags, taken: names };
}

function read(args: readonly string[]) {
  const { words, given } = parseCommandLine(FLAGS, args, { allowWords: true, explain: (problem) => problem });
  return { words, given, flags: readFlags(FLAGS, given) };
}

function flagOf(word: string | undefined): PluginFlag | undefined {
  return Object.values<PluginFlag>(FLAGS).find(({ flag, short }) => word === flag || word === `-${short}`);
}

/** @param takes what the flag takes, as the table of flags names it */
function valuesOf(takes: string | undefined, before: readonly string[]): Completion {
  if (takes === 'FILE') return { kind: 'files' };
  if (takes === 'NS') return { kind: 'namespaces', flags: read(before).flags, taken: [] };
  if (takes?.includes('|') !== true) return NOTHING;
  return { kind: 'words', candidates: takes.split('|').map((word) => ({ word })) };
}
