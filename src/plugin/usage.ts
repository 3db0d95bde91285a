import { flagLines } from '../commandLine.js';
import { COMMANDS, flagsOf, type Command } from './flags.js';

/** The help of the plugin, or of one of its commands. */
export function usage(command: Command | undefined): string {
  return `${[...introduction(command), ...flagLines(flagsOf(command))].join('\n')}\n`;
}

function introduction(command: Command | undefined): string[] {
  if (command === undefined) {
    return [
      'Usage: kubectl cloudjob COMMAND [FLAGS]',
      '',
      ...Object.values(COMMANDS).flatMap(({ line, about }) => [`  ${line}`, `      ${about}`]),
      '',
      'Flags of all commands ("kubectl cloudjob help COMMAND" lists the others):',
    ];
  }
  const { line, about, codes } = COMMANDS[command];
  return [`Usage: kubectl cloudjob ${line} [FLAGS]`, '', `${about}.`, `Exit codes: ${codes}.`, '', 'Flags:'];
}
