import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { serve } from './child.js';
import { SECRET, servedCloudJobs, type Moment } from './fleet.js';
import { LeaseStore, type LeaseBody } from './leaseStore.js';

/**
 * A Kubernetes API that lists as many CloudJobs as a row says, without having to store them: a real one takes minutes
 * to be given 100,000. Nothing ever changes on it, and it counts all writes that somebody tries.
 */
const served = { running: servedCloudJobs('running'), succeeded: servedCloudJobs('succeeded') };
const BOOKMARK_MS = 20_000;
const SECRET_OBJECT = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: SECRET, namespace: 'bench', uid: 'a', resourceVersion: '1' },
  data: { token: Buffer.from('sandbox-token').toString('base64') },
});
const leases = new LeaseStore();
let counts: Partial<Record<Moment, number>> = {};
let writes = 0;
let pageLimit = 0;

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});

serve({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  show(wanted: Partial<Record<Moment, number>>) {
    counts = wanted;
    writes = 0;
  },
  writes: () => writes,
  pageLimit: () => pageLimit,
  /** The JSON of one CloudJob, as it is served. */
  sample: (moment: 'running' | 'succeeded') => served[moment](1),
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const { method = 'GET' } = request;
  const body = await text(request);
  if (url.pathname.includes('/leases')) answerLease(method, url.pathname, body, response);
  else if (method !== 'GET') {
    writes += 1;
    sendFailure(response, 403, 'Forbidden');
  } else if (url.pathname.includes('/secrets/')) send(response, 200, SECRET_OBJECT);
  else if (url.searchParams.get('watch') === 'true') watch(response);
  else send(response, 200, page(url.searchParams));
}

function answerLease(method: string, path: string, body: string, response: ServerResponse): void {
  if (method === 'GET') {
    const lease = leases.get(basename(path));
    if (lease === undefined) sendFailure(response, 404, 'NotFound');
    else send(response, 200, JSON.stringify(lease));
    return;
  }
  const sent = JSON.parse(body) as LeaseBody;
  const stored = leases.write(sent.metadata?.name ?? basename(path), sent);
  if (stored === undefined) sendFailure(response, 409, 'Conflict');
  else send(response, method === 'POST' ? 201 : 200, JSON.stringify(stored));
}

function page(query: URLSearchParams): string {
  const from = Number(query.get('continue') ?? 0);
  pageLimit = Number(query.get('limit'));
  const { running = 0, succeeded = 0 } = counts;
  const to = Math.min(running + succeeded, from + pageLimit);
  const items: string[] = [];
  // The finished ones have other numbers than the running ones.
  for (let index = from; index < to; index += 1) {
    items.push(served[index < running ? 'running' : 'succeeded'](index));
  }
  const more = to < running + succeeded ? `"continue":"${to}",` : '';
  return `{"apiVersion":"cloudjob.dev/v1alpha1","kind":"CloudJobList","metadata":{${more}"resourceVersion":"9"},"items":[${items.join(',')}]}`;
}

function watch(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const bookmark = '{"type":"BOOKMARK","object":{"kind":"CloudJob","metadata":{"resourceVersion":"9"}}}\n';
  const timer = setInterval(() => response.write(bookmark), BOOKMARK_MS);
  response.on('close', () => clearInterval(timer));
}

function sendFailure(response: ServerResponse, code: number, reason: string): void {
  const failure = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code };
  send(response, code, JSON.stringify(failure));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
