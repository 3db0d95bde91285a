import { COMMANDS, FLAGS, type Command, type FlagName } from './cli.js';

const ABOUT: Readonly<
  Record<Command, { readonly line: string; readonly about: string; readonly codes: string }>
> = {
  list: {
    line: 'list [-A]',
    about: 'CloudJobs, those first that need somebody',
    codes: '0, 1 failed, 2 told something that cannot be used',
  },
  tree: {
    line: 'tree NAME...',
    about: 'the tree of sub-jobs, once',
    codes: '0, 1 failed, 2 told something that cannot be used',
  },
  watch: {
    line: 'watch NAME...',
    about:
      'the tree of sub-jobs, live, until all jobs have ended; a line for each change when not on a terminal',
    codes:
      '0 all jobs have succeeded, 1 one has failed, 2 it cannot tell: not found or deleted, stalled, suspended, timeout, API unreachable; 130 interrupted',
  },
  logs: {
    line: 'logs NAME',
    about: 'what happened, from the Events that the cluster still has',
    codes: '0, 1 failed, 2 told something that cannot be used',
  },
  create: {
    line: 'create --from-response FILE',
    about: "a CloudJob for the job of a cloud API's reply: writes its manifest, or with --apply creates it",
    codes: '0, 1 failed, 2 told something that cannot be used',
  },
  doctor: {
    line: 'doctor NAME',
    about:
      'finds the first thing that is wrong between you and the job, as seen from this machine, and says what to do',
    codes: '0 all is well, 1 something is wrong, 2 nothing was found and not everything could be looked at',
  },
};

/** How to use the plugin, or one of its commands. */
export function usage(command: Command | undefined): string {
  const lines =
    command === undefined
      ? [
          'Usage: kubectl cloudjob COMMAND [FLAGS]',
          '',
          ...COMMANDS.flatMap((name) => [`  ${ABOUT[name].line}`, `      ${ABOUT[name].about}`]),
          '',
          'Flags of all commands ("kubectl cloudjob help COMMAND" tells the others):',
        ]
      : [
          `Usage: kubectl cloudjob ${ABOUT[command].line} [FLAGS]`,
          '',
          `${ABOUT[command].about}.`,
          `Exit codes: ${ABOUT[command].codes}.`,
          '',
          'Flags:',
        ];
  return `${[...lines, ...flagLines(command)].join('\n')}\n`;
}

function flagLines(command: Command | undefined): string[] {
  return (Object.keys(FLAGS) as FlagName[]).flatMap((name) => {
    const flag: { short?: string; takes?: string; help: string; commands?: readonly Command[] } = FLAGS[name];
    const isShown =
      command === undefined ? flag.commands === undefined : (flag.commands?.includes(command) ?? true);
    if (!isShown) return [];
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    return [`  ${short}--${name}${flag.takes === undefined ? '' : ` ${flag.takes}`}`, `      ${flag.help}`];
  });
}
