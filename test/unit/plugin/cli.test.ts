import { describe, expect, it } from '@jest/globals';
import { readInvocation } from '../../../src/plugin/cli.js';
import { COMMAND_NAMES, FLAGS, type PluginFlag } from '../../../src/plugin/flags.js';
import { makeOutput } from '../../../src/plugin/output.js';
import { usage } from '../../../src/plugin/usage.js';

describe('the command line', () => {
  it('reads flags before and after the command, as kubectl passes them on', () => {
    expect(
      readInvocation(['-n', 'infra', 'watch', 'cjob/a', 'b', 'a', '--timeout', '1h30m', '-o', 'json']),
    ).toMatchObject({
      kind: 'run',
      command: 'watch',
      names: ['a', 'b'],
      flags: {
        namespace: 'infra',
        timeoutMs: 5_400_000,
        output: 'json',
        noColor: false,
        allNamespaces: false,
      },
    });
  });

  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['20m', 1_200_000],
    ['2h', 7_200_000],
    ['1h0m5s', 3_605_000],
  ])('takes %s as a time', (text, timeoutMs) => {
    expect(readInvocation(['watch', 'a', '--timeout', text])).toMatchObject({ flags: { timeoutMs } });
  });

  it.each([
    [[], /^no command; allowed: list, tree, watch, logs, create, discover, doctor, version, help$/],
    [['observe'], /^"observe" is not a command; allowed: /],
    [['tree', 'a', '--colour'], /^Unknown option '--colour'; "kubectl cloudjob help" lists the flags$/],
    [['tree', 'a', '-n'], /^Option '-n, --namespace <value>' argument missing; /],
    [['tree'], /^tree: the name of a CloudJob is missing; --selector or --all stand for names$/],
    [['logs'], /^logs: the name of a CloudJob is missing$/],
    [['tree', 'a', '-l', 'b=c'], /^tree: names and --selector exclude each other; give one of them$/],
    [['watch', '-l', 'b=c', '--all'], /^watch: --selector and --all exclude each other; give one of them$/],
    [['watch', '-l', ' '], /^--selector: is empty; write labels, for example team=a$/],
    [['logs', '--all'], /^--all is a flag of tree, watch, not of logs$/],
    [['list', 'a'], /^list takes no names, and "a" is one$/],
    [['doctor', 'a', 'b'], /^doctor takes one name, not 2$/],
    [['tree', 'Upper'], /^tree: "Upper" is not a name; allowed: a-z 0-9 - and \., /],
    [['tree', '../x'], /^tree: "\.\.\/x" is not a name/],
    [['tree', 'a', '-A'], /^--all-namespaces is a flag of list, not of tree$/],
    [['list', '-A', '-n', 'x'], /^--namespace and --all-namespaces exclude each other/],
    [['list', '-o', 'wide'], /^--output: "wide" is not allowed; allowed: json, yaml$/],
    [['list', '-o', 'yaml'], /^--output: "yaml" is for create and discover; allowed for list: json$/],
    [['watch', 'a', '--timeout', '0'], /^--timeout: "0" is not allowed; /],
    [['watch', 'a', '--timeout', ''], /^--timeout: "" is not allowed; /],
    [['watch', 'a', '--timeout', '5x'], /^--timeout: "5x" is not allowed; /],
    [['watch', 'a', '--timeout', '10000h'], /^--timeout: "10000h" is not allowed; /],
    [['list', '--timeout', '5s'], /^--timeout is a flag of watch, not of list$/],
  ])('refuses %j', (args, problem) => {
    expect(() => readInvocation(args)).toThrow(problem);
  });

  it.each([[['help']], [['--help']], [['-h']]])('explains itself on %j', (args) => {
    expect(readInvocation(args)).toEqual({ kind: 'help', command: undefined });
  });

  it.each([[['help', 'watch']], [['watch', '--help']], [['watch', 'a', '-h']]])(
    'explains a command on %j',
    (args) => {
      expect(readInvocation(args)).toEqual({ kind: 'help', command: 'watch' });
    },
  );
});

describe('the usage', () => {
  it.each(COMMAND_NAMES)('of %s lists its flags and exit codes, and no others', (command) => {
    const text = usage(command);

    expect(text).toContain('Exit codes: 0');
    for (const { flag, commands } of Object.values<PluginFlag>(FLAGS)) {
      const isOurs = commands === undefined || commands.includes(command);
      expect([flag, new RegExp(`${flag}\\b(?!-)`).test(text)]).toEqual([flag, isOurs]);
    }
  });

  it('lists the commands', () => {
    for (const command of COMMAND_NAMES) expect(usage(undefined)).toContain(`\n  ${command}`);
  });
});

describe('the output', () => {
  const stream = (isTTY: boolean) => ({ write: () => true, isTTY, columns: 90 });

  it.each([
    ['a terminal', true, {}, false, true, 90],
    ['no terminal', false, {}, false, false, undefined],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false, false, 90],
    ['an empty NO_COLOR', true, { NO_COLOR: '' }, false, true, 90],
    ['--no-color', true, {}, true, false, 90],
    ['a dumb terminal', true, { TERM: 'dumb' }, false, false, undefined],
  ])('on %s', (_, isTTY, env, noColor, coloured, columns) => {
    const output = makeOutput(stream(isTTY), stream(isTTY), env, noColor);

    expect(output.paint.bad('x') !== 'x').toBe(coloured);
    expect(output.columns()).toBe(columns);
    expect(output.screen === undefined).toBe(columns === undefined);
  });

  it.each<[string, boolean, string]>([
    [
      'says on a terminal what it waits for, until there is something to print',
      true,
      '\r\u001B[K… DNS\r\u001B[K',
    ],
    ['says nothing of it elsewhere', false, ''],
  ])('%s', (_, isTTY, waiting) => {
    let text = '';
    const written = { write: (more: string | Uint8Array) => ((text += String(more)), true), isTTY };
    const output = makeOutput(written, written, {}, true);

    output.waitFor('DNS');
    output.print(['found']);
    output.complain('and done');

    expect(text).toBe(`${waiting}found\nand done\n`);
  });
});
