import { describe, expect, it } from '@jest/globals';
import type { CloudJob } from '../../../src/api/cloudjob.js';
import type { Authenticator } from '../../../src/cloud/auth/authenticator.js';
import { readCredentials } from '../../../src/cloud/credentials.js';
import { Regions } from '../../../src/cloud/regions.js';
import type { SecretResult } from '../../../src/reconcile/ports.js';
import { resolveOwnTarget, resolveTarget, type Clouds } from '../../../src/reconcile/jobObserver.js';
import { cloudJob, JOB_ID } from '../../support/cloudJobs.js';

function authenticator(fingerprint: string): Authenticator {
  return {
    fingerprint,
    signs: false,
    headers: () => Promise.resolve({ ok: true, headers: {}, secrets: [], rejected: () => false }),
  };
}

const OWN = authenticator('own');
const CLOUDS: Clouds = {
  regions: new Regions(),
  defaultRegion: 'eu-nl',
  authenticators: { of: ({ fingerprint }) => authenticator(fingerprint) },
  own: { namespaces: new Set(['infra']), authenticator: OWN },
};

function secret(data: Readonly<Record<string, string>> = {}): SecretResult {
  const encoded = Object.entries({ token: 'canary-token', ...data }).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  return { kind: 'found', read: readCredentials(Object.fromEntries(encoded)) };
}

describe('resolveTarget', () => {
  it.each([
    ["the spec's, before the Secret's", 'eu-de', 'eu-west-101', 'eu-de'],
    ["the Secret's, before the operator's", undefined, 'eu-west-101', 'eu-west-101'],
    ["the operator's", undefined, undefined, 'eu-nl'],
  ])('polls in the region that is %s', (_, ofSpec, ofSecret, expected) => {
    const found = secret(ofSecret === undefined ? {} : { region: ofSecret });

    expect(resolveTarget(cloudJob({ region: ofSpec }), 'cce', found, CLOUDS)).toMatchObject({
      kind: 'target',
      target: { region: { name: expected } },
    });
  });

  it.each([
    ["the spec's, before the Secret's", 'p1', 'p1'],
    ["the Secret's", undefined, 'p2'],
  ])('polls in the project that is %s', (_, projectID, expected) => {
    const resolved = resolveTarget(cloudJob({ projectID }), 'cce', secret({ projectID: 'p2' }), CLOUDS);

    expect(resolved).toMatchObject({ target: { projectID: expected, jobID: JOB_ID } });
  });

  it.each<[string, Record<string, unknown>, SecretResult, string, RegExp]>([
    [
      'no Secret',
      {},
      { kind: 'missing' },
      'CredentialsNotFound',
      /^Secret infra\/cce .* does not exist; create it/,
    ],
    [
      'no right to read it',
      {},
      { kind: 'forbidden' },
      'CredentialsNotFound',
      /may not read .*; grant .* "get"/,
    ],
    [
      'a Secret that is for something else',
      {},
      { kind: 'wrongType', type: 'kubernetes.io/service-account-token' },
      'InvalidCredentials',
      /^Secret infra\/cce has the type "kubernetes.io\/service-account-token".*; put the cloud credentials into a Secret of type Opaque/,
    ],
    [
      'mixed keys',
      {},
      secret({ accessKey: 'canary-key' }),
      'InvalidCredentials',
      /^Secret infra\/cce: it mixes/,
    ],
    [
      'no project',
      { projectID: undefined },
      secret(),
      'InvalidCredentials',
      /spec\.projectID nor the key projectID/,
    ],
    [
      "a region of the Secret's that nobody knows",
      { region: undefined },
      secret({ region: 'nowhere' }),
      'InvalidCredentials',
      /^Secret infra\/cce: the value of the key region is not in the operator's region catalogue/,
    ],
  ])('says what is missing: %s', (_, spec, found, reason, message) => {
    const resolved = resolveTarget(cloudJob(spec), 'cce', found, CLOUDS);

    expect(resolved).toEqual({ kind: 'noCredentials', reason, message: expect.stringMatching(message) });
    expect(JSON.stringify(resolved)).not.toMatch(/canary|nowhere/);
  });

  it('needs a region from somewhere', () => {
    const clouds = { ...CLOUDS, defaultRegion: undefined };

    expect(resolveTarget(cloudJob({ region: undefined }), 'cce', secret(), clouds)).toMatchObject({
      kind: 'noCredentials',
      reason: 'InvalidCredentials',
      message: expect.stringMatching(/no default region; set one of them$/),
    });
  });

  it("calls the spec unusable that names a region outside the operator's catalogue", () => {
    expect(resolveTarget(cloudJob({ region: 'nowhere' }), 'cce', secret(), CLOUDS)).toEqual({
      kind: 'invalidSpec',
      message: expect.stringMatching(/^spec\.region "nowhere" is not in the operator's region catalogue/),
    });
  });

  it.each(['Standard', 'Autopilot'] as const)('reads the job of %s clusters', (clusterType) => {
    expect(resolveTarget(cloudJob({ clusterType }), 'cce', secret(), CLOUDS)).toMatchObject({
      kind: 'target',
      target: { clusterType },
    });
  });

  it.each(['ae-ad-1', 'eu-west-0', 'my-kualalumpur-1', 'ru-moscow-1'])(
    'sends no credentials to %s, which is a region of more than one cloud, before the operator knows which one',
    (region) => {
      expect(resolveTarget(cloudJob({ region }), 'cce', secret(), CLOUDS)).toEqual({
        kind: 'invalidSpec',
        message: `spec.region "${region}" is a region of more than one cloud; have the addresses of the cloud that you mean added to the operator's configuration (regions.${region})`,
      });
      const addresses = { cce: 'https://cce.partner.example', iam: 'https://iam.partner.example' };
      const regions = new Regions({ [region]: addresses });
      expect(resolveTarget(cloudJob({ region }), 'cce', secret(), { ...CLOUDS, regions })).toMatchObject({
        kind: 'target',
        target: { region: addresses },
      });
    },
  );

  it('calls a spec unusable that cannot be read', () => {
    expect(resolveTarget(cloudJob({ jobID: '../x' }), 'cce', secret(), CLOUDS)).toMatchObject({
      kind: 'invalidSpec',
      message: expect.stringMatching(/^spec\.jobID: /),
    });
  });
});

describe('resolveOwnTarget', () => {
  it("calls with the operator's own credentials in the namespaces that may use them", () => {
    expect(resolveOwnTarget(cloudJob({ region: undefined }), CLOUDS)).toMatchObject({
      kind: 'target',
      target: { region: { name: 'eu-nl' }, projectID: 'p1', jobID: JOB_ID, authenticator: OWN },
    });
  });

  it.each<[string, CloudJob, Clouds, RegExp]>([
    ['another namespace', cloudJob({}, { namespace: 'shop' }), CLOUDS, /for namespace shop; name a Secret/],
    [
      'an operator without any',
      cloudJob(),
      { ...CLOUDS, own: undefined },
      /for namespace infra; name a Secret/,
    ],
  ])('refuses them to %s', (_, object, clouds, message) => {
    expect(resolveOwnTarget(object, clouds)).toEqual({
      kind: 'noCredentials',
      reason: 'CredentialsRequired',
      message: expect.stringMatching(message),
    });
  });

  it.each<[string, Record<string, unknown>, Clouds, RegExp]>([
    [
      'a project',
      { projectID: undefined },
      CLOUDS,
      /^spec\.projectID is required without spec\.credentialsRef/,
    ],
    ['a region', { region: undefined }, { ...CLOUDS, defaultRegion: undefined }, /^spec\.region is not set/],
    ['a region that it knows', { region: 'nowhere' }, CLOUDS, /^spec\.region "nowhere" is not in/],
    ['a spec that can be read', { jobID: '../x' }, CLOUDS, /^spec\.jobID: /],
  ])('needs %s', (_, spec, clouds, message) => {
    expect(resolveOwnTarget(cloudJob(spec), clouds)).toEqual({
      kind: 'invalidSpec',
      message: expect.stringMatching(message),
    });
  });
});
