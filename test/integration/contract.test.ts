import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { itWhen } from '../support/skips.js';
import { World } from '../support/world.js';

const world = await World.start();
let namespace: string;
beforeAll(async () => {
  namespace = await world.namespace();
});
afterAll(async () => world.stop(), 60_000);

describe('the API server refuses a CloudJob', () => {
  it.each<readonly [string, object, string]>([
    ['without jobID', {}, 'spec.jobID'],
    ['with an empty jobID', { jobID: '' }, 'spec.jobID'],
    ['with a jobID of 65 characters', { jobID: 'a'.repeat(65) }, 'spec.jobID'],
    ['with a path in its jobID', { jobID: '../tokens' }, 'spec.jobID'],
    ['with a line break in its projectID', { jobID: 'a', projectID: 'a\nb' }, 'spec.projectID'],
    ['with a URL as region', { jobID: 'a', region: 'https://evil.example' }, 'spec.region'],
    ['with a poll interval of 0', { jobID: 'a', pollIntervalSeconds: 0 }, 'spec.pollIntervalSeconds'],
    ['with an unknown readyWhen', { jobID: 'a', readyWhen: 'Sometimes' }, 'spec.readyWhen'],
    ['with a deadline of text', { jobID: 'a', activeDeadlineSeconds: '5' }, 'spec.activeDeadlineSeconds'],
    ['with a negative TTL', { jobID: 'a', ttlSecondsAfterFinished: -1 }, 'spec.ttlSecondsAfterFinished'],
    ['with a nameless credentialsRef', { jobID: 'a', credentialsRef: {} }, 'spec.credentialsRef'],
  ])('%s, naming the field', async (_name, spec, field) => {
    const { status, body } = await world.createCloudJob(namespace, 'bad', spec);

    expect(status).toBe(422);
    expect(body).toMatchObject({ reason: 'Invalid', message: expect.stringContaining(field) });
  });

  for (const [name, change, field] of [
    ['another jobID', { jobID: 'other' }, 'jobID'],
    ['another projectID', { projectID: 'other' }, 'projectID'],
    ['another region', { region: 'eu-nl' }, 'region'],
    ['no projectID any more', { projectID: null }, 'projectID'],
  ] as const) {
    itWhen(world.enforcesRules, 'the API server is too old for CEL rules')(
      `that is given ${name}`,
      async () => {
        const ref = await world.follow(namespace, `fixed-${name.replaceAll(' ', '-')}`);

        const { status, body } = await world.patch(ref, { spec: change });

        expect(status).toBe(422);
        expect(body).toMatchObject({ message: expect.stringContaining(field) });
      },
    );
  }
});

describe('the API server', () => {
  it('lets projectID and region be added once', async () => {
    const ref = await world.follow(namespace, 'added-later', { projectID: undefined, region: undefined });

    const { status } = await world.patch(ref, { spec: { projectID: 'p', region: 'eu-de' } });

    expect(status).toBe(200);
  });

  it('gives a fresh object a status that never looks finished', async () => {
    const ref = await world.follow(namespace, 'fresh');

    expect((await world.get(ref)).status).toEqual({ observedGeneration: -1 });
  });
});
