import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { Cluster } from '../../../src/sandbox/cluster.js';

const signal = new AbortController().signal;
const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

type Answer = readonly [code: number, contentType: string, body: string];

const PLAIN_404: Answer = [404, 'text/plain; charset=utf-8', '404 page not found\n'];
/** As older API servers answer for a group that they do not know. */
const PATHS_404: Answer = [404, 'application/json', '{"paths":["/api","/apis"]}'];
const STATUS_404: Answer = [404, 'application/json', '{"kind":"Status","reason":"NotFound","code":404}'];
const LIST: Answer = [200, 'application/json', '{"metadata":{"resourceVersion":"1"},"items":[]}'];
const CREATED: Answer = [
  201,
  'application/json',
  '{"metadata":{"name":"x","uid":"u","resourceVersion":"1"}}',
];

/** A cluster without the CRD that answers lists of CloudJobs as given, one after the other. */
async function clusterThatLists(answers: readonly Answer[]): Promise<Cluster> {
  const left = [...answers];
  const answer = (request: IncomingMessage): Answer => {
    if (request.url?.startsWith('/apis/cloudjob.dev/') === true) return left.shift() ?? LIST;
    return request.method === 'POST' ? CREATED : STATUS_404;
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [code, contentType, body] = answer(request);
    request.resume().once('end', () => response.writeHead(code, { 'content-type': contentType }).end(body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const access = {
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    namespace: 'default',
    credentials: () => Promise.resolve({ headers: {}, tls: { rejectUnauthorized: true } }),
    renew: () => false,
  };
  const cluster = new Cluster(access, systemClock);
  stops.push(
    () => cluster.close(),
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return cluster;
}

describe('the CRD in a cluster that does not serve CloudJobs yet', () => {
  it.each([
    ['a Status', STATUS_404],
    ['plain text', PLAIN_404],
    ['a list of its paths', PATHS_404],
  ])('is waited for while the API server answers 404 with %s', async (_, answer) => {
    const cluster = await clusterThatLists([answer, answer]);

    await expect(cluster.installCrd(signal)).resolves.toBeUndefined();
  });

  it('is not waited for when the list is refused', async () => {
    const refusal: Answer = [403, 'application/json', '{"kind":"Status","reason":"Forbidden","code":403}'];
    const cluster = await clusterThatLists([refusal]);

    await expect(cluster.installCrd(signal)).rejects.toThrow('403 Forbidden');
  });
});
