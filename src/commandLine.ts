import { parseArgs, types } from 'node:util';

/**
 * A flag of a command line: how it is written, what it does and how its value is read. Parsing, the help and the docs
 * pages all use one table of flags.
 */
export interface Flag<T> {
  /** With its dashes: `--http-port`. */
  readonly flag: `--${string}`;
  /** One letter, without its dash. */
  readonly short?: string;
  /** The environment variable that is used if the flag is not given. */
  readonly env?: string;
  /** The name of its value in the help; absent: a switch without a value. */
  readonly takes?: string;
  /** May be given several times; in the environment: separated by commas. */
  readonly repeats?: true;
  readonly help: string;
  /** @throws UsageError */
  readonly read: (given: Given) => T;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values of a table's flags, by their names in the table. */
export type FlagValues<T extends FlagTable> = { readonly [Name in keyof T]: ReturnType<T[Name]['read']> };

/** What the user wrote for a flag. */
export interface Given {
  /** How the user wrote the flag, to name it in an error: `--http-port` or `CLOUDJOB_HTTP_PORT`. */
  readonly key: string;
  /** Empty: the flag was not given. */
  readonly values: readonly string[];
}

/** What the user wrote for each flag, by its name in the table. */
export type GivenFlags = ReadonlyMap<string, Given>;

/** Unusable input of the user. The message is one line: the key, what is wrong and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Splits a command line into words and flags; `readFlags` then reads the flags' values.
 *
 * @param explain makes the error's message from the problem
 * @throws UsageError
 */
export function parseCommandLine(
  table: FlagTable,
  args: readonly string[],
  { allowWords, explain }: { readonly allowWords: boolean; readonly explain: (problem: string) => string },
): { readonly words: readonly string[]; readonly given: GivenFlags } {
  const options = Object.fromEntries(
    Object.values(table).map(({ flag, short, takes }) => [
      flag.slice(2),
      {
        type: takes === undefined ? ('boolean' as const) : ('string' as const),
        multiple: true,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  try {
    const parsed = parseArgs({ args: [...args], strict: true, allowPositionals: allowWords, options });
    const given = Object.entries(table).flatMap(([name, { flag }]): [string, Given][] => {
      const values = parsed.values[flag.slice(2)];
      return Array.isArray(values) ? [[name, { key: flag, values: values.map(String) }]] : [];
    });
    return { words: parsed.positionals, given: new Map(given) };
  } catch (error) {
    const problem = types.isNativeError(error) ? error.message.split(/\.\s/)[0] : undefined;
    throw new UsageError(explain(problem ?? 'unreadable'));
  }
}

/** The flags that are set in the environment; an empty variable counts as not set. */
export function givenByEnvironment(
  table: FlagTable,
  environment: Readonly<Record<string, string | undefined>>,
): GivenFlags {
  const given = Object.entries(table).flatMap(([name, { env: key, repeats }]): [string, Given][] => {
    const value = key === undefined ? undefined : environment[key];
    if (key === undefined || value === undefined || value === '') return [];
    return [[name, { key, values: repeats === true ? value.split(',') : [value] }]];
  });
  return new Map(given);
}

/** @throws UsageError for the first value that cannot be used */
export function readFlags<T extends FlagTable>(table: T, given: GivenFlags): FlagValues<T> {
  const values = Object.entries(table).map(([name, { flag, read }]) => [
    name,
    read(given.get(name) ?? { key: flag, values: [] }),
  ]);
  return Object.fromEntries(values) as FlagValues<T>;
}

/** The help text of the flags, two lines for each. */
export function flagLines(flags: readonly Flag<unknown>[]): string[] {
  return flags.flatMap(({ flag, short, env, takes, help }) => {
    const names = short === undefined ? flag : `-${short}, ${flag}`;
    const value = takes === undefined ? '' : ` ${takes}`;
    return [`  ${names}${value}${env === undefined ? '' : `  (${env})`}`, `      ${help}`];
  });
}

/** Reads a switch. */
export function isGiven({ values }: Given): boolean {
  return values.length > 0;
}

/** Reads any text; the last one counts. */
export function lastValue({ values }: Given): string | undefined {
  return values.at(-1);
}

/** Reads one of the allowed words; undefined: not given. */
export function oneOf<T extends string>(allowed: readonly T[]): (given: Given) => T | undefined {
  return (given) => {
    const value = lastValue(given);
    const match = allowed.find((word) => word === value);
    if (value === undefined || match !== undefined) return match;
    throw new UsageError(`${given.key}: "${value}" is not allowed; allowed: ${allowed.join(', ')}`);
  };
}
