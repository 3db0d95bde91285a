import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RUN_FLAGS } from '../../../src/settings/flags.js';
import { readSettings } from '../../../src/settings/settings.js';
import { problemOf } from './support.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'settings-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'config.yaml');
  writeFileSync(path, text);
  return path;
}

describe('readSettings', () => {
  it('has a default for everything', () => {
    const { config, ...settings } = readSettings([], {});

    expect(settings).toEqual({
      kubeconfig: undefined,
      namespaces: [],
      httpPort: 8080,
      leaderElect: true,
      shards: 1,
      podUID: undefined,
      logFormat: 'json',
      logLevel: 'info',
    });
    expect(config).toMatchObject({
      defaultRegion: undefined,
      polling: { minSeconds: 4, maxSeconds: 60 },
      budget: { requestsPerSecond: 10, burst: 20 },
      requestDeadlineSeconds: 10,
    });
    expect(config.regions.find('eu-de')?.cce).toBe('https://cce.eu-de.otc.t-systems.com');
  });

  const fromFlags = [
    '--kubeconfig=/flag',
    '--namespace=a',
    '--namespace=b',
    '--http-port=1',
    '--leader-elect=false',
    '--pod-uid=uid-flag',
    '--log-format=pretty',
    '--log-level=debug',
  ];
  const fromEnvironment = {
    CLOUDJOB_KUBECONFIG: '/env',
    CLOUDJOB_NAMESPACE: 'c, d',
    CLOUDJOB_HTTP_PORT: '2',
    CLOUDJOB_LEADER_ELECT: 'true',
    CLOUDJOB_POD_UID: 'uid-env',
    CLOUDJOB_LOG_FORMAT: 'json',
    CLOUDJOB_LOG_LEVEL: 'error',
  };
  const flagged = {
    kubeconfig: '/flag',
    namespaces: ['a', 'b'],
    httpPort: 1,
    leaderElect: false,
    shards: 1,
    podUID: 'uid-flag',
    logFormat: 'pretty',
    logLevel: 'debug',
  };

  it('takes flags', () => {
    expect(readSettings(fromFlags, {})).toMatchObject(flagged);
  });

  it('takes the environment', () => {
    expect(readSettings([], fromEnvironment)).toMatchObject({
      kubeconfig: '/env',
      namespaces: ['c', 'd'],
      httpPort: 2,
      leaderElect: true,
      podUID: 'uid-env',
      logFormat: 'json',
      logLevel: 'error',
    });
  });

  it('lets flags win over the environment', () => {
    expect(readSettings(fromFlags, fromEnvironment)).toMatchObject(flagged);
  });

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries(Object.values(RUN_FLAGS).map(({ env }) => [env, '']));

    expect(readSettings([], empty)).toMatchObject({ httpPort: 8080, namespaces: [], logFormat: 'json' });
  });

  it('watches a namespace once, however often it is named', () => {
    expect(readSettings(['--namespace', 'a'], {}).namespaces).toEqual(['a']);
    expect(readSettings([], { CLOUDJOB_NAMESPACE: 'a,b,,a' }).namespaces).toEqual(['a', 'b']);
  });

  it.each<[string, string[], Record<string, string>, string]>([
    ['a port', ['--http-port=65536'], {}, '--http-port: "65536" is not a port; allowed: 0 to 65535'],
    ['no number', ['--http-port=80a'], {}, '--http-port: "80a" is not a port; allowed: 0 to 65535'],
    ['an empty flag', ['--http-port='], {}, '--http-port: "" is not a port; allowed: 0 to 65535'],
    [
      'a port of the environment',
      [],
      { CLOUDJOB_HTTP_PORT: '-1' },
      'CLOUDJOB_HTTP_PORT: "-1" is not a port; allowed: 0 to 65535',
    ],
    ['too many shards', ['--shards=6'], {}, '--shards: "6" is not allowed; allowed: 1 to 5'],
    ['no shards', [], { CLOUDJOB_SHARDS: '0' }, 'CLOUDJOB_SHARDS: "0" is not allowed; allowed: 1 to 5'],
    [
      'shards without Leases',
      ['--shards=2', '--leader-elect=false'],
      {},
      '--shards: 2 shards need Leases to share them by; allowed: 1 with --leader-elect=false',
    ],
    ['a switch', ['--leader-elect=yes'], {}, '--leader-elect: "yes" is not allowed; allowed: true, false'],
    [
      'a format',
      [],
      { CLOUDJOB_LOG_FORMAT: 'xml' },
      'CLOUDJOB_LOG_FORMAT: "xml" is not allowed; allowed: json, pretty',
    ],
    [
      'a level',
      ['--log-level=trace'],
      {},
      '--log-level: "trace" is not allowed; allowed: error, warn, info, debug',
    ],
    [
      'a namespace',
      ['--namespace=Infra'],
      {},
      '--namespace: "Infra" is not the name of a namespace; allowed: 1 to 63 of a-z 0-9 -',
    ],
    [
      'a namespace of the environment',
      [],
      { CLOUDJOB_NAMESPACE: 'a,-b' },
      'CLOUDJOB_NAMESPACE: "-b" is not the name of a namespace; allowed: 1 to 63 of a-z 0-9 -',
    ],
    [
      'a config file that is not there',
      ['--config=/no/such/file'],
      {},
      '--config: cannot read "/no/such/file" (ENOENT); allowed: the path of a YAML file',
    ],
  ])('says in one line what is wrong with %s', (_, args, env, expected) => {
    expect(problemOf(() => readSettings(args, env))).toBe(expected);
  });

  it.each([
    [
      'an unknown flag',
      ['--port=1'],
      /^command line: Unknown option '--port'; allowed: --config .*--log-level$/,
    ],
    ['a word', ['start'], /^command line: .*'start'.*; allowed: --config /],
    ['a flag without its value', ['--http-port'], /^command line: .*--http-port.*; allowed: --config /],
    [
      'two flags run together',
      ['--config', '--http-port'],
      /^command line: .*--config.*; allowed: --config /,
    ],
  ])('says in one line what is wrong with %s', (_, args, expected) => {
    const problem = problemOf(() => readSettings(args, {}));

    expect(problem).toMatch(expected);
    expect(problem).not.toContain('\n');
  });

  it('reads the config file that a flag or the environment names', () => {
    const path = file(
      'regions:\n  lab: { cce: http://127.0.0.1:1, iam: http://127.0.0.1:2/v3/ }\ndefaultRegion: lab\n',
    );

    for (const { config } of [
      readSettings(['--config', path], {}),
      readSettings([], { CLOUDJOB_CONFIG: path }),
    ]) {
      expect(config.defaultRegion).toBe('lab');
      expect(config.regions.find('lab')).toEqual({
        name: 'lab',
        cce: 'http://127.0.0.1:1',
        iam: 'http://127.0.0.1:2',
      });
    }
  });

  it('takes an empty file for a config that changes nothing', () => {
    expect(readSettings(['--config', file('# nothing yet\n')], {}).config.polling.minSeconds).toBe(4);
  });

  it('says in one line that a file is not YAML', () => {
    const path = file('regions: [\n  a: {');

    const problem = problemOf(() => readSettings(['--config', path], {}));

    expect(problem.startsWith(`${path}: is not YAML: `)).toBe(true);
    expect(problem).not.toContain('\n');
  });
});
