import { describe, expect, it } from '@jest/globals';
import type { CloudJob } from '../../../src/api/cloudjob.js';
import { KubeError } from '../../../src/kube/errors.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { cacheEntry, ClusterCloudJobs } from '../../../src/cluster/cloudJobStore.js';
import { readCredentials } from '../../../src/cloud/credentials.js';
import { ClusterSecrets } from '../../../src/cluster/secrets.js';
import { cloudJob, read, withStatus, after as afterPoll } from '../../support/cloudJobs.js';

const SIGNAL = new AbortController().signal;
const CONFLICT = new KubeError(409, 'Conflict', 'stale');
const NOT_FOUND = new KubeError(404, 'NotFound', 'gone');
const FORBIDDEN = new KubeError(403, 'Forbidden', 'no');
const BROKEN = new KubeError(500, 'InternalError', 'broken');

/** Answers as a test says, and keeps the requests. */
class FakeClient {
  readonly calls: unknown[][] = [];

  constructor(private readonly answer: KubeObject | Error) {}

  get = (...call: unknown[]): Promise<KubeObject> => this.#answer(call);
  updateStatus = (...call: unknown[]): Promise<KubeObject> => this.#answer(call);
  applyStatus = (...call: unknown[]): Promise<KubeObject> => this.#answer(call);
  delete = async (...call: unknown[]): Promise<void> => {
    await this.#answer(call);
  };

  async #answer(call: unknown[]): Promise<KubeObject> {
    this.calls.push(call);
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

function stored(object: CloudJob): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: '8' } };
}

function storeOf(
  client: FakeClient,
  cache: KubeObject[] = [],
  refreshed: unknown[][] = [],
): ClusterCloudJobs {
  return new ClusterCloudJobs(
    {
      get: (key) => cache.filter(({ metadata }) => key === `infra/${metadata.name}`).map(cacheEntry)[0],
      refresh: async (...call) => void refreshed.push(call),
    },
    client,
  );
}

describe('a status', () => {
  it('is written whole, in the place of the object that was read and no other', async () => {
    const client = new FakeClient(stored(withStatus(cloudJob(), { phase: 'Running' })));

    const written = await storeOf(client).writeStatus(cloudJob(), { phase: 'Running' }, SIGNAL);

    const uid = '0b7b1c9e-2f3f-4a57-9f0c-1d7a5f1f6f10';
    expect(client.calls).toEqual([
      [
        { group: 'cloudjob.dev', version: 'v1alpha1', plural: 'cloudjobs', namespaced: true },
        { namespace: 'infra', name: 'scale-up' },
        {
          apiVersion: 'cloudjob.dev/v1alpha1',
          kind: 'CloudJob',
          metadata: { namespace: 'infra', name: 'scale-up', uid, resourceVersion: '7' },
          status: { phase: 'Running' },
        },
        SIGNAL,
      ],
    ]);
    expect(written).toMatchObject({ metadata: { resourceVersion: '8' }, status: { phase: 'Running' } });
  });

  it('that somebody else wrote becomes its own by applying the phase as it is', async () => {
    const client = new FakeClient(stored(cloudJob()));
    const restored = withStatus(cloudJob(), { phase: 'Success', message: 'done' });

    const adopted = await storeOf(client).adoptPhase(restored, SIGNAL);

    expect(client.calls).toMatchObject([
      [
        { plural: 'cloudjobs' },
        { namespace: 'infra', name: 'scale-up' },
        { metadata: { resourceVersion: '7' }, status: { phase: 'Success' } },
        'cloudjob-operator',
        SIGNAL,
      ],
    ]);
    expect(adopted).toMatchObject({ metadata: { resourceVersion: '8' }, status: { message: 'done' } });
  });

  it.each([
    ['has changed', CONFLICT],
    ['is gone', NOT_FOUND],
  ])('is stale when the object %s in between, and the cache is refreshed', async (_, error) => {
    const refreshed: unknown[][] = [];

    const written = await storeOf(new FakeClient(error), [], refreshed).writeStatus(cloudJob(), {}, SIGNAL);

    expect(written).toBe('stale');
    expect(refreshed).toEqual([[{ namespace: 'infra', name: 'scale-up' }, '7', SIGNAL]]);
  });

  it.each([
    [413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728'],
    [500, 'HTTP500', 'etcdserver: request is too large'],
    [500, 'HTTP500', 'rpc error: code = ResourceExhausted desc = trying to send message larger than max'],
  ])('is too large when the API server says so: %d %s %s', async (code, reason, message) => {
    const error = new KubeError(code, reason, message);

    expect(await storeOf(new FakeClient(error)).writeStatus(cloudJob(), {}, SIGNAL)).toBe('tooLarge');
  });

  it('passes on every other failure', async () => {
    await expect(storeOf(new FakeClient(BROKEN)).writeStatus(cloudJob(), {}, SIGNAL)).rejects.toBe(BROKEN);
  });
});

describe('a CloudJob', () => {
  it('is read from the cache', () => {
    const store = storeOf(new FakeClient(BROKEN), [stored(cloudJob())]);

    expect(store.get('infra/scale-up')).toMatchObject({ metadata: { resourceVersion: '8' } });
    expect(store.get('infra/other')).toBeUndefined();
  });

  it('that rests is not seen', () => {
    const ended = afterPoll(cloudJob(), read('Success'));

    expect(storeOf(new FakeClient(BROKEN), [stored(ended)]).get('infra/scale-up')).toBeUndefined();
  });

  it('is deleted just as it was read', async () => {
    const client = new FakeClient(stored(cloudJob()));

    await storeOf(client).delete(cloudJob(), SIGNAL);

    expect(client.calls[0]?.[2]).toEqual({
      uid: '0b7b1c9e-2f3f-4a57-9f0c-1d7a5f1f6f10',
      resourceVersion: '7',
    });
  });

  it.each([CONFLICT, NOT_FOUND])('is left alone when it is another one by then: $reason', async (error) => {
    await expect(storeOf(new FakeClient(error)).delete(cloudJob(), SIGNAL)).resolves.toBeUndefined();
  });

  it('is not silently kept when the API server fails', async () => {
    await expect(storeOf(new FakeClient(BROKEN)).delete(cloudJob(), SIGNAL)).rejects.toBe(BROKEN);
  });
});

describe('a Secret', () => {
  const metadata = { name: 'cce', uid: 'u', resourceVersion: '1' };
  it.each<[string, KubeObject | Error, unknown]>([
    ['its credentials', { metadata, data: { token: 'dA==' } }, readCredentials({ token: 'dA==' })],
    ['no data', { metadata }, readCredentials({})],
    ['data that is none', { metadata, data: ['x'] }, readCredentials({})],
    ['values that are no texts', { metadata, data: { token: 1, user: 'b' } }, readCredentials({ user: 'b' })],
    [
      'an Opaque one',
      { metadata, type: 'Opaque', data: { token: 'dA==' } },
      readCredentials({ token: 'dA==' }),
    ],
    [
      'one of the own type',
      { metadata, type: 'cloudjob.dev/credentials', data: { token: 'dA==' } },
      readCredentials({ token: 'dA==' }),
    ],
  ])('reports %s', async (_, answer, expected) => {
    const secret = await new ClusterSecrets(new FakeClient(answer)).read('infra', 'cce', SIGNAL);

    expect(secret).toEqual({ kind: 'found', read: expected });
  });

  it.each<[string, KubeObject | Error, unknown]>([
    [
      'without its data that it is for something else',
      { metadata, type: 'kubernetes.io/service-account-token', data: { token: 'dA==' } },
      { kind: 'wrongType', type: 'kubernetes.io/service-account-token' },
    ],
    [
      'a type that is no plain text',
      { metadata, type: `a\u001b[31m${'x'.repeat(100)}`, data: {} },
      { kind: 'wrongType', type: `a${'x'.repeat(62)}…` },
    ],
    ['that it is missing', NOT_FOUND, { kind: 'missing' }],
    ['that it may not be read', FORBIDDEN, { kind: 'forbidden' }],
  ])('reports %s', async (_, answer, expected) => {
    expect(await new ClusterSecrets(new FakeClient(answer)).read('infra', 'cce', SIGNAL)).toEqual(expected);
  });

  it('is read by name', async () => {
    const client = new FakeClient({ metadata });

    await new ClusterSecrets(client).read('infra', 'cce', SIGNAL);

    expect(client.calls[0]).toEqual([
      { group: '', version: 'v1', plural: 'secrets', namespaced: true },
      { namespace: 'infra', name: 'cce' },
      SIGNAL,
    ]);
  });

  it('passes on every other failure', async () => {
    await expect(new ClusterSecrets(new FakeClient(BROKEN)).read('infra', 'cce', SIGNAL)).rejects.toBe(
      BROKEN,
    );
  });
});
