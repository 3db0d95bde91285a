import { COMMANDS, FLAGS, type PluginFlag } from '../../src/plugin/flags.js';
import { code, markdownTable } from './table.js';

/** The commands of `kubectl cloudjob`. */
export function pluginCommands(): string {
  return markdownTable(
    ['Command', 'Does', 'Exit codes'],
    Object.values(COMMANDS).map(({ line, about, codes }) => [code(line), about, codes]),
  );
}

/** Its flags. */
export function pluginFlags(): string {
  return markdownTable(
    ['Flag', 'Takes', 'Of', 'What it does'],
    Object.values<PluginFlag>(FLAGS).map(({ flag, short, takes, commands, help }) => [
      short === undefined ? code(flag) : `${code(`-${short}`)}, ${code(flag)}`,
      takes === undefined ? '' : code(takes),
      commands?.map(code).join(', ') ?? 'all',
      help,
    ]),
  );
}
