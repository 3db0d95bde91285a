import { describe, expect, it } from '@jest/globals';
import { POD_IDENTITY_ENV } from '../../../src/cloud/auth/workload.js';
import { readConfig } from '../../../src/settings/config.js';
import { problemOf } from './support.js';

describe('readConfig', () => {
  const endpoints = { cce: 'https://cce.example.com', iam: 'https://iam.example.com' };

  it('fills in what is left out of a section', () => {
    expect(readConfig({ polling: { maxSeconds: 5 }, budget: { burst: 3 } }, 'c.yaml', {})).toMatchObject({
      polling: { minSeconds: 4, maxSeconds: 5 },
      budget: { requestsPerSecond: 10, burst: 3 },
      requestDeadlineSeconds: 10,
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
      /^c\.yaml: the file: has no key "pollling"; allowed: regions, defaultRegion, polling, ownCredentials, budget, requestDeadlineSeconds$/,
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
    ['a deadline of no time', { requestDeadlineSeconds: 0 }, /^c\.yaml: requestDeadlineSeconds: .*>=1/],
    [
      'a deadline that outlasts a poll',
      { requestDeadlineSeconds: 61 },
      /^c\.yaml: requestDeadlineSeconds: .*<=60/,
    ],
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
      /^c\.yaml: defaultRegion: "lob" is not in the operator's region catalogue; allowed: .*eu-de, .*lab/,
    ],
    [
      'a default region of more than one cloud',
      { defaultRegion: 'eu-west-0' },
      /^c\.yaml: defaultRegion: "eu-west-0" is a region of more than one cloud; allowed: /,
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
  ])('says in one line, with its place, what is wrong: %s', (_, content, expected) => {
    const problem = problemOf(() => readConfig(content, 'c.yaml', {}));

    expect(problem).toMatch(expected);
    expect(problem).not.toContain('\n');
  });
});
