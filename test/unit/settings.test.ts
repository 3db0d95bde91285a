import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { POD_IDENTITY_ENV } from '../../src/cloud/auth/workload.js';
import { readConfig, readSettings, RUN_FLAGS, SettingsError } from '../../src/settings.js';

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

/** What is told of settings that cannot be used. */
function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).message;
  }
  throw new Error('nothing was wrong');
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
      logFormat: 'json',
      logLevel: 'info',
    });
    expect(config).toMatchObject({
      defaultRegion: undefined,
      polling: { minSeconds: 4, maxSeconds: 60 },
      budget: { requestsPerSecond: 10, burst: 20 },
    });
    expect(config.regions.find('eu-de')?.cce).toBe('https://cce.eu-de.otc.t-systems.com');
  });

  const fromFlags = [
    '--kubeconfig=/flag',
    '--namespace=a',
    '--namespace=b',
    '--http-port=1',
    '--leader-elect=false',
    '--log-format=pretty',
    '--log-level=debug',
  ];
  const fromEnvironment = {
    CLOUDJOB_KUBECONFIG: '/env',
    CLOUDJOB_NAMESPACE: 'c, d',
    CLOUDJOB_HTTP_PORT: '2',
    CLOUDJOB_LEADER_ELECT: 'true',
    CLOUDJOB_LOG_FORMAT: 'json',
    CLOUDJOB_LOG_LEVEL: 'error',
  };
  const flagged = {
    kubeconfig: '/flag',
    namespaces: ['a', 'b'],
    httpPort: 1,
    leaderElect: false,
    shards: 1,
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
  ])('tells in one line what is wrong with %s', (_, args, env, expected) => {
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
  ])('tells in one line what is wrong with %s', (_, args, expected) => {
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

  it('tells in one line that a file is not YAML', () => {
    const path = file('regions: [\n  a: {');

    const problem = problemOf(() => readSettings(['--config', path], {}));

    expect(problem.startsWith(`${path}: is not YAML: `)).toBe(true);
    expect(problem).not.toContain('\n');
  });
});

describe('readConfig', () => {
  const endpoints = { cce: 'https://cce.example.com', iam: 'https://iam.example.com' };

  it('fills in what is left out of a section', () => {
    expect(readConfig({ polling: { maxSeconds: 5 }, budget: { burst: 3 } }, 'c.yaml', {})).toMatchObject({
      polling: { minSeconds: 4, maxSeconds: 5 },
      budget: { requestsPerSecond: 10, burst: 3 },
    });
  });

  const oidc = { kind: 'oidc', identityProvider: 'idp', tokenFile: '/token' };
  const podIdentity = { kind: 'podIdentity', uri: 'http://169.254.1.1/credentials', tokenFile: '/token' };
  it.each([
    ['nowhere', undefined, undefined],
    ['the machine', { kind: 'ecsMetadata' }, { kind: 'ecsMetadata' }],
    ['an identity provider', oidc, oidc],
    ['the pod', { kind: 'podIdentity' }, podIdentity],
  ])("takes the operator's own credentials from %s", (_, from, source) => {
    const env = {
      [POD_IDENTITY_ENV.uri]: podIdentity.uri,
      [POD_IDENTITY_ENV.tokenFile]: podIdentity.tokenFile,
    };
    const content = from === undefined ? {} : { ownCredentials: { namespaces: ['infra'], from } };

    const { ownCredentials } = readConfig(content, 'c.yaml', env);

    expect(ownCredentials).toEqual(source && { namespaces: ['infra'], source });
  });

  it.each<[string, unknown, RegExp]>([
    [
      'an unknown key',
      { pollling: {} },
      /^c\.yaml: the file: has no key "pollling"; allowed: regions, defaultRegion, polling, ownCredentials, budget$/,
    ],
    [
      'an unknown key of a section',
      { polling: { min: 1 } },
      /^c\.yaml: polling: has no key "min"; allowed: minSeconds, maxSeconds$/,
    ],
    [
      'an unknown key of a region',
      { regions: { lab: { ...endpoints, x: 1 } } },
      /^c\.yaml: regions\.lab: .*"x"/,
    ],
    ['a list', [], /^c\.yaml: the file: .*expected object/],
    [
      'a text for a number',
      { polling: { minSeconds: '2' } },
      /^c\.yaml: polling\.minSeconds: .*expected number/,
    ],
    ['too small a number', { polling: { minSeconds: 0 } }, /^c\.yaml: polling\.minSeconds: .*>=1/],
    ['too great a number', { budget: { burst: 1e9 } }, /^c\.yaml: budget\.burst: .*<=10000/],
    ['a fraction', { budget: { burst: 1.5 } }, /^c\.yaml: budget\.burst: .*expected int/],
    [
      'a maximum below the minimum',
      { polling: { minSeconds: 10, maxSeconds: 5 } },
      /^c\.yaml: polling\.maxSeconds: must not be less than polling\.minSeconds$/,
    ],
    ['a missing endpoint', { regions: { lab: { cce: endpoints.cce } } }, /^c\.yaml: regions\.lab\.iam: /],
    [
      'plain HTTP',
      { regions: { lab: { ...endpoints, cce: 'http://cce.example.com' } } },
      /^c\.yaml: regions\.lab\.cce: must begin with https:\/\/ \(http:\/\/ is allowed for loopback/,
    ],
    [
      'no URL',
      { regions: { lab: { ...endpoints, iam: 'iam' } } },
      /^c\.yaml: regions\.lab\.iam: must be a URL such as https:/,
    ],
    [
      'a bad name',
      { regions: { Lab: endpoints } },
      /^c\.yaml: regions: "Lab" is not a name; allowed: 1 to 63 of/,
    ],
    [
      'a default region that is none',
      { regions: { lab: endpoints }, defaultRegion: 'lob' },
      /^c\.yaml: defaultRegion: "lob" is not a region; allowed: .*eu-de, .*lab/,
    ],
    [
      'own credentials for nobody',
      { ownCredentials: { namespaces: [], from: { kind: 'ecsMetadata' } } },
      /^c\.yaml: ownCredentials\.namespaces: /,
    ],
    [
      'own credentials for what is no namespace',
      { ownCredentials: { namespaces: ['infra', '*'], from: { kind: 'ecsMetadata' } } },
      /^c\.yaml: ownCredentials\.namespaces\.1: must be the name of a namespace$/,
    ],
    [
      'own credentials from somewhere unknown',
      { ownCredentials: { namespaces: ['infra'], from: { kind: 'vault' } } },
      /^c\.yaml: ownCredentials\.from\.kind: /,
    ],
    [
      'the identity of a pod that has none',
      { ownCredentials: { namespaces: ['infra'], from: { kind: 'podIdentity' } } },
      /^c\.yaml: ownCredentials\.from: podIdentity needs [A-Z_]+ \(a URL\) and [A-Z_]+ in the environment/,
    ],
  ])('tells in one line, with its place, what is wrong: %s', (_, content, expected) => {
    const problem = problemOf(() => readConfig(content, 'c.yaml', {}));

    expect(problem).toMatch(expected);
    expect(problem).not.toContain('\n');
  });
});
