import { describe, expect, it } from '@jest/globals';
import { environmentCredentials } from '../../../src/plugin/cloudAccess.js';
import { discoverJobs, type JobFilter } from '../../../src/plugin/discovery.js';
import { cloudJob } from '../../support/cloudJobs.js';
import { at, NOW } from './support.js';

const ALL: JobFilter = { clusterUID: undefined, type: undefined, sinceMs: undefined };

function listed(
  uid: string,
  fields: { type?: string; name?: string; cluster?: string; seconds?: number } = {},
) {
  const { type = 'CreateNode', name, cluster, seconds } = fields;
  return {
    kind: 'Job',
    metadata: { uid, ...(seconds !== undefined && { creationTimestamp: at(seconds) }) },
    spec: { type, resourcename: name, clusteruid: cluster },
    status: { status: 'Running' },
  };
}

function names(entries: readonly unknown[], taken: readonly string[] = []): string[] {
  const cloudJobs = taken.map((name) => cloudJob({ jobID: `other-${name}` }, { name }));
  return discoverJobs(entries, ALL, cloudJobs, NOW).map(({ name }) => name);
}

describe('the jobs of a project', () => {
  it('come newest first, and those without a time last', () => {
    const entries = [listed('old', { seconds: 1 }), listed('timeless'), listed('new', { seconds: 2 })];

    expect(discoverJobs(entries, ALL, [], NOW).map(({ job }) => job.id)).toEqual(['new', 'old', 'timeless']);
  });

  it('know the CloudJob that follows them, however its ID is written', () => {
    const follower = cloudJob({ jobID: 'ABC' }, { name: 'follows-it' });

    expect(discoverJobs([listed('abc')], ALL, [follower], NOW)).toMatchObject([
      { name: 'follows-it', isFollowed: true },
    ]);
  });

  it.each<[string, Partial<JobFilter>, string[]]>([
    ['of a cluster', { clusterUID: 'c1' }, ['a']],
    ['of a type', { type: 'createnode' }, ['a', 'b']],
    ['of late', { sinceMs: 200_000 }, ['b']],
  ])('can be those %s', (_, filter, expected) => {
    const entries = [
      listed('a', { cluster: 'c1', seconds: 10 }),
      listed('b', { cluster: 'c2', seconds: 110 }),
      listed('c', { type: 'DeleteNode', cluster: 'c2' }),
    ];
    const found = discoverJobs(entries, { ...ALL, ...filter }, [], NOW);
    expect(found.map(({ job }) => job.id).toSorted()).toEqual(expected);
  });

  it.each([
    ['type and resource', listed('id', { type: 'CreateNodeVM', name: 'Prod_1' }), 'create-node-vm-prod-1'],
    ['type and ID', listed('0123456789', { type: 'CreateNode' }), 'create-node-01234567'],
    ['what is left of them', listed('x', { type: '…', name: '…' }), 'x'],
  ])('are named by %s', (_, entry, name) => {
    expect(names([entry])).toEqual([name]);
  });

  it('never get one name twice, nor that of another CloudJob', () => {
    const entries = ['11111111-a', '22222222-b', '22222222-c'].map((uid) => listed(uid, { name: 'prod' }));

    expect(names(entries, ['create-node-prod'])).toEqual([
      'create-node-prod-11111111',
      'create-node-prod-22222222',
      'create-node-22222222-c',
    ]);
  });

  it.each([[null], ['text'], [[]], [{}], [{ kind: 'Cluster', metadata: { uid: 'x' } }]])(
    'do not include %j',
    (entry) => {
      expect(names([entry])).toEqual([]);
    },
  );
});

describe('credentials in the environment', () => {
  it.each([
    ['token', { OS_AUTH_TOKEN: 't', OS_USERNAME: 'u' }],
    ['accessKey', { HW_ACCESS_KEY: 'a', HW_SECRET_KEY: 's', OS_PASSWORD: 'p' }],
    ['accessKey', { HUAWEICLOUD_SDK_AK: 'a', HUAWEICLOUD_SDK_SK: 's' }],
    ['password', { OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_DOMAIN_NAME: 'd' }],
  ])('are a %s', (kind, env) => {
    expect(environmentCredentials({ ...env, OS_PROJECT_ID: 'p1', OS_REGION_NAME: 'eu-de' })).toMatchObject({
      credentials: { kind },
      projectID: 'p1',
      region: 'eu-de',
    });
  });

  it.each([
    [{}, /^there are no cloud credentials; name a Secret with --secret/],
    [{ OS_ACCESS_KEY: 'a' }, /^the credentials in the environment cannot be used \(it lacks secretKey/],
  ])('of %j are none', (env, problem) => {
    expect(() => environmentCredentials(env)).toThrow(problem);
  });
});
