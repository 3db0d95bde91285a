import { describe, expect, it } from '@jest/globals';
import {
  flagLines,
  givenByEnvironment,
  isGiven,
  lastValue,
  oneOf,
  parseCommandLine,
  readFlags,
  type FlagTable,
  type Given,
} from '../../src/commandLine.js';

const TABLE = {
  name: { flag: '--name', short: 'n', env: 'NAME', takes: 'NAME', help: 'of it', read: lastValue },
  colours: {
    flag: '--colour',
    env: 'COLOURS',
    takes: 'red|green',
    repeats: true,
    help: 'of it, several',
    read: ({ key, values }: Given) =>
      values.map((value) => oneOf(['red', 'green'])({ key, values: [value] })),
  },
  isLoud: { flag: '--loud', help: 'say more', read: isGiven },
} as const satisfies FlagTable;

function parse(args: readonly string[], allowWords = true) {
  return parseCommandLine(TABLE, args, { allowWords, explain: (problem) => `oops: ${problem}` });
}

function read(args: readonly string[], env: Record<string, string> = {}) {
  const given = new Map([...givenByEnvironment(TABLE, env), ...parse(args).given]);
  return readFlags(TABLE, given);
}

describe('a command line', () => {
  it('is made of flags in any of their forms, and words between them', () => {
    const args = ['go', '-n', 'a', '--colour=red', 'there', '--colour', 'green', '--loud'];

    expect(parse(args).words).toEqual(['go', 'there']);
    expect(read(args)).toEqual({ name: 'a', colours: ['red', 'green'], isLoud: true });
  });

  it('may leave out all flags', () => {
    expect(read([])).toEqual({ name: undefined, colours: [], isLoud: false });
  });

  it('counts the last one of a flag that does not repeat', () => {
    expect(read(['--name', 'a', '-nb']).name).toBe('b');
  });

  it.each([
    [['--nome'], /^oops: Unknown option '--nome'$/],
    [['-x'], /^oops: Unknown option '-x'$/],
    [['--name'], /^oops: Option '-n, --name <value>' argument missing$/],
    [['--loud=yes'], /^oops: Option '--loud' does not take an argument$/],
  ])('is refused with one line: %j', (args, problem) => {
    expect(() => parse(args)).toThrow(problem);
  });

  it('is refused for a word where there are to be none', () => {
    expect(() => parse(['go'], false)).toThrow(/^oops: Unexpected argument 'go'$/);
  });
});

describe('the environment', () => {
  it('stands for flags that are not given, with commas between several values', () => {
    expect(read(['--name', 'a'], { NAME: 'b', COLOURS: 'red,green' })).toMatchObject({
      name: 'a',
      colours: ['red', 'green'],
    });
  });

  it('gives nothing with an empty variable', () => {
    expect(read([], { NAME: '', COLOURS: '' })).toMatchObject({ name: undefined, colours: [] });
  });
});

describe('a value that cannot be used', () => {
  it.each([
    [['--colour', 'blue'], {}, '--colour: "blue" is not allowed; allowed: red, green'],
    [[], { COLOURS: 'blue' }, 'COLOURS: "blue" is not allowed; allowed: red, green'],
  ])('is named as the user wrote it: %j %j', (args, env, problem) => {
    expect(() => read(args, env)).toThrow(problem);
  });
});

describe('the help', () => {
  it('has two lines for each flag', () => {
    expect(flagLines(Object.values(TABLE))).toEqual([
      '  -n, --name NAME  (NAME)',
      '      of it',
      '  --colour red|green  (COLOURS)',
      '      of it, several',
      '  --loud',
      '      say more',
    ]);
  });
});
