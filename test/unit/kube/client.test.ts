import { describe, expect, it } from '@jest/globals';
import { KubeClient } from '../../../src/kube/client.js';
import { isLocal, KubeError, localError } from '../../../src/kube/errors.js';
import type { KubeRequest, Transport } from '../../../src/kube/transport.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { failure, object } from './support.js';

const things = { group: 'ex.dev', version: 'v1', plural: 'things', namespaced: true };
const nodes = { group: '', version: 'v1', plural: 'nodes', namespaced: false };
const forever = new AbortController().signal;

/** Answers from a list, in turn, and keeps the requests; an error in the list is thrown. */
class MemoryTransport implements Transport {
  readonly requests: KubeRequest[] = [];
  readonly #answers: unknown[];

  constructor(...answers: unknown[]) {
    this.#answers = answers;
  }

  request(request: KubeRequest): Promise<unknown> {
    this.requests.push(request);
    const answer = this.#answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }

  stream(): Promise<AsyncIterable<Buffer>> {
    return Promise.reject(new Error('not used'));
  }
}

function makeClient(...answers: unknown[]): {
  client: KubeClient;
  transport: MemoryTransport;
  clock: FakeClock;
} {
  const transport = new MemoryTransport(...answers);
  const clock = new FakeClock();
  return { client: new KubeClient({ transport, clock, random: () => 0 }), transport, clock };
}

function throttled(retryAfterMs?: number): KubeError {
  return new KubeError(429, 'TooManyRequests', 'slow down', retryAfterMs);
}

describe('requests', () => {
  it('address groups, namespaces, names and subresources', async () => {
    const a = object('a', '1');
    const { client, transport } = makeClient(a, a, a, a, a, undefined);
    const ref = { namespace: 'ns', name: 'a b' };

    await client.get(things, ref, forever);
    await client.get(nodes, { name: 'n' }, forever);
    await client.create(things, 'ns', { spec: 1 }, forever);
    await client.mergePatch(things, ref, { spec: 2 }, forever);
    await client.updateStatus(things, ref, { status: {} }, forever);
    await client.delete(things, ref, { uid: 'u', resourceVersion: '5' }, forever);

    expect(
      transport.requests.map(({ method, path, contentType }) => ({ method, path, contentType })),
    ).toEqual([
      { method: 'GET', path: '/apis/ex.dev/v1/namespaces/ns/things/a%20b' },
      { method: 'GET', path: '/api/v1/nodes/n' },
      { method: 'POST', path: '/apis/ex.dev/v1/namespaces/ns/things' },
      {
        method: 'PATCH',
        path: '/apis/ex.dev/v1/namespaces/ns/things/a%20b',
        contentType: 'application/merge-patch+json',
      },
      {
        method: 'PUT',
        path: '/apis/ex.dev/v1/namespaces/ns/things/a%20b/status',
      },
      { method: 'DELETE', path: '/apis/ex.dev/v1/namespaces/ns/things/a%20b' },
    ]);
    expect(transport.requests[5]?.body).toMatchObject({ preconditions: { uid: 'u', resourceVersion: '5' } });
  });

  it('request only the metadata of what they have written, and all of what they read', async () => {
    const a = object('a', '1');
    const { client, transport } = makeClient(a, a, a, a);
    const ref = { namespace: 'ns', name: 'a' };

    await client.create(things, 'ns', { spec: 1 }, forever);
    await client.mergePatch(things, ref, { spec: 2 }, forever);
    await client.updateStatus(things, ref, { status: {} }, forever);
    await client.get(things, ref, forever);

    const metadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
    expect(transport.requests.map(({ accept }) => accept)).toEqual([metadata, metadata, metadata, undefined]);
  });

  it.each(['', '.', '..', 'a/b', 'a%2fb'])(
    'refuse the name "%s", which would address something else',
    async (name) => {
      const { client, transport } = makeClient();

      const error = await failure(client.get(things, { namespace: 'ns', name }, forever));

      expect(error).toMatchObject({ reason: 'InvalidRequest' });
      expect(transport.requests).toEqual([]);
    },
  );

  it('refuse a namespaced object without its namespace', async () => {
    const { client } = makeClient();

    const error = await failure(client.get(things, { name: 'a' }, forever));

    expect(error).toMatchObject({ reason: 'InvalidRequest', message: 'things "a": a namespace is required' });
  });

  it.each([
    undefined,
    null,
    'text',
    {},
    { metadata: {} },
    { metadata: { name: 'a', uid: 1, resourceVersion: '1' } },
  ])('refuse %j as an object', async (answer) => {
    const { client } = makeClient(answer);

    const error = await failure(client.get(nodes, { name: 'n' }, forever));

    expect(error).toMatchObject({ reason: 'MalformedResponse' });
  });
});

describe('a page of a list', () => {
  it('has its objects, version and where to go on', async () => {
    const { client, transport } = makeClient({
      metadata: { resourceVersion: '9', continue: 'token' },
      items: [object('a', '1')],
    });

    const page = await client.list(things, { namespace: 'ns', limit: 2, continueToken: 'before' }, forever);

    expect(page).toEqual({
      items: [object('a', '1')],
      resourceVersion: '9',
      continueToken: 'token',
      limit: 2,
    });
    expect(transport.requests[0]?.query?.toString()).toBe('limit=2&continue=before');
  });

  it('may have null for no objects and an empty token on the last page', async () => {
    const { client } = makeClient({ metadata: { resourceVersion: '9', continue: '' }, items: null });

    expect(await client.list(things, {}, forever)).toEqual({ items: [], resourceVersion: '9', limit: 100 });
  });

  it('that is too long is read with fewer objects, and one object may be longer than a page', async () => {
    const tooLarge = localError('ResponseTooLarge', 'too large');
    const page = { metadata: { resourceVersion: '9' }, items: [object('a', '1')] };
    const { client, transport } = makeClient(tooLarge, tooLarge, tooLarge, tooLarge, page);

    const read = await client.list(things, { continueToken: 'before' }, forever);

    expect(read.limit).toBe(1);
    expect(transport.requests.map(({ query, maxBytes }) => [query?.toString(), maxBytes])).toEqual([
      ['limit=100&continue=before', 4_194_304],
      ['limit=25&continue=before', 4_194_304],
      ['limit=7&continue=before', 4_194_304],
      ['limit=2&continue=before', 4_194_304],
      ['limit=1&continue=before', undefined],
    ]);
  });

  it('of one object that is too long fails', async () => {
    const tooLarge = localError('ResponseTooLarge', 'too large');
    const { client, transport } = makeClient(tooLarge, tooLarge);

    expect(await failure(client.list(things, { limit: 1 }, forever))).toBe(tooLarge);
    expect(transport.requests).toHaveLength(1);
  });
});

describe('a 429', () => {
  it('is waited for as long as the server says', async () => {
    const { client, transport, clock } = makeClient(throttled(3000), object('a', '1'));
    const got = client.create(things, 'ns', {}, forever);

    await clock.advance(2999);
    const early = transport.requests.length;
    await clock.advance(1);

    expect(await got).toEqual(object('a', '1'));
    expect([early, transport.requests.length]).toEqual([1, 2]);
  });

  it('is thrown when it does not end', async () => {
    const { client, transport, clock } = makeClient(...Array.from({ length: 10 }, () => throttled()));
    const error = failure(client.get(nodes, { name: 'n' }, forever));

    await clock.advance(60_000);

    expect(await error).toMatchObject({ status: 429 });
    expect(transport.requests.length).toBe(6);
  });

  it('is thrown when the wait would be long', async () => {
    const { client, clock } = makeClient(throttled(31_000));

    const error = await failure(client.get(nodes, { name: 'n' }, forever));

    expect(error).toMatchObject({ status: 429, retryAfterMs: 31_000 });
    expect(clock.pending).toBe(0);
  });

  it('need not be waited for by somebody who gives up', async () => {
    const { client, transport, clock } = makeClient(throttled(3000));
    const controller = new AbortController();
    const error = failure(client.get(nodes, { name: 'n' }, controller.signal));
    await settle();

    controller.abort();

    expect(isLocal(await error, 'Canceled')).toBe(true);
    expect(transport.requests.length).toBe(1);
    expect(clock.pending).toBe(0);
  });
});
