import { getEventListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { Socket, type AddressInfo } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { createHttp, type Http, type HttpAnswer, type HttpRequest } from '../../../src/cloud/http.js';
import { readProxies } from '../../../src/proxy.js';
import { ConnectProxy, TEST_CERTIFICATE, type TunnelTreatment } from '../../support/connectProxy.js';
import { FakeClock } from '../../support/fakeClock.js';
import { until } from '../../support/until.js';
import { TestServer } from './server.js';

const TOKEN = 'canary-token-0001';
let server: TestServer;
let http: Http;
let ended: (number | undefined)[];

beforeEach(async () => {
  server = await new TestServer((_seen, response) => response.end('{}')).start();
  ended = [];
  http = createHttp(systemClock, { onEnd: ({ status }) => ended.push(status) });
});

afterEach(async () => {
  http.close();
  await server.stop();
});

function send(request: Partial<HttpRequest> = {}): Promise<HttpAnswer> {
  return http.send({
    method: 'GET',
    url: new URL(`${server.url}/a%2Fb?c=d%20e&f`),
    headers: {},
    signal: new AbortController().signal,
    ...request,
  });
}

function failure(message: string, errorClass = 'transient'): HttpAnswer {
  return { kind: 'failed', error: { class: errorClass as 'transient', message } };
}

/** Asks a server with the tests' own certificate, of an authority that nobody trusts. */
async function sendToUntrusted(): Promise<HttpAnswer> {
  const untrusted = createServer(TEST_CERTIFICATE, (_, response) => response.end('{}'));
  await new Promise<void>((resolve) => {
    untrusted.listen(0, '127.0.0.1', resolve);
  });
  try {
    return await send({ url: new URL(`https://127.0.0.1:${(untrusted.address() as AddressInfo).port}/`) });
  } finally {
    untrusted.close();
  }
}

/** The names of the headers as they came over the wire, in the order in which they came. */
function namesOnTheWire(request: IncomingMessage): string[] {
  return request.rawHeaders.filter((_, index) => index % 2 === 0);
}

describe('a request', () => {
  it('goes out as it is: path, headers, and the bytes of the body', async () => {
    await send({
      method: 'POST',
      headers: { 'X-Auth-Token': TOKEN, 'Content-Type': 'application/json;charset=utf8' },
      body: '{"é":1}',
    });

    expect(server.seen).toMatchObject([
      {
        method: 'POST',
        path: '/a%2Fb?c=d%20e&f',
        headers: {
          'x-auth-token': TOKEN,
          'content-type': 'application/json;charset=utf8',
          'content-length': '8',
          'user-agent': 'cloudjob-operator',
          'accept-encoding': 'gzip',
        },
        body: '{"é":1}',
      },
    ]);
  });

  it.each(['GET', 'PUT'] as const)('has no header that nobody gave it (%s)', async (method) => {
    let names: string[] = [];
    server.respondWith((_seen, response, request) => {
      names = namesOnTheWire(request);
      response.end();
    });

    await send({ method, headers: { 'X-Sdk-Date': '20260101T000000Z' } });

    expect(names).toEqual([
      'User-Agent',
      'Accept-Encoding',
      'X-Sdk-Date',
      'Host',
      'Connection',
      ...(method === 'PUT' ? ['Content-Length'] : []),
    ]);
  });

  it('has no body with GET, and keeps the Content-Type that was signed', async () => {
    await send({ headers: { 'Content-Type': 'application/json' } });

    expect(server.seen[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(server.seen[0]?.headers).not.toHaveProperty('content-length');
    expect(server.seen[0]?.headers).not.toHaveProperty('transfer-encoding');
    expect(server.seen[0]?.body).toBe('');
  });

  it.each(['a\r\nX-Other: b', 'a\u0000b', 'ключ'])('with the header %j is not sent', async (value) => {
    expect(await send({ headers: { 'X-Auth-Token': value } })).toEqual(
      failure('a header has a character that HTTP does not allow (ERR_INVALID_CHAR)'),
    );
    expect(server.seen).toHaveLength(0);
  });

  it('leaves no listener on its signal', async () => {
    const { signal } = new AbortController();
    for (let turn = 0; turn < 3; turn += 1) await send({ signal });
    server.respondWith((_seen, response) => response.destroy());
    await send({ signal });

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('gives an address 2.5 s to connect before another one is tried', async () => {
    const connect = jest.spyOn(Socket.prototype, 'connect');
    await send();
    const options = connect.mock.calls.flat(3);
    connect.mockRestore();

    expect(options).toContainEqual(expect.objectContaining({ autoSelectFamilyAttemptTimeout: 2_500 }));
  });
});

describe('an answer', () => {
  it.each([200, 204, 302, 404, 429, 503])('may have the status %d', async (status) => {
    server.respondWith((_seen, response) => response.writeHead(status, { location: '/', 'x-a': 'b' }).end());

    expect(await send()).toMatchObject({ kind: 'answer', status, headers: { 'x-a': 'b' }, body: '' });
    expect(server.seen).toHaveLength(1);
    expect(ended).toEqual([status]);
  });

  it.each([
    ['gzip', gzipSync('\ufefftext')],
    ['GZIP', gzipSync('text')],
    ['deflate', deflateSync('text')],
    ['identity', Buffer.from('text')],
  ])('is read in %s', async (encoding, bytes) => {
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    );

    expect(await send()).toMatchObject({ body: 'text' });
  });

  it('may be empty and called compressed', async () => {
    server.respondWith((_seen, response) => response.writeHead(503, { 'content-encoding': 'gzip' }).end());

    expect(await send()).toMatchObject({ status: 503, body: '' });
  });

  it('may come in chunks of one byte', async () => {
    server.respondWith((_seen, response) => {
      for (const byte of 'a'.repeat(5_000)) response.write(byte);
      response.end();
    });

    expect(await send()).toMatchObject({ body: 'a'.repeat(5_000) });
  });

  it('in a hundred thousand chunks of one byte is given up early', async () => {
    const chunks = '1\r\na\r\n'.repeat(100_000);
    let sent = 0;
    server.respondWith((_seen, { socket }) => {
      socket?.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const sendMore = (): void => {
        sent += 1;
        if (sent < 50) socket?.write(chunks, sendMore);
      };
      sendMore();
    });

    expect(await send()).toEqual(failure('the answer is too long'));
    expect(sent).toBeLessThan(20);
  });

  it('may have as many bytes as are allowed', async () => {
    server.respondWith((_seen, response) => response.end('a'.repeat(1_000)));

    http.close();
    http = createHttp(systemClock, { maxBodyBytes: 1_000 });
    expect(await send()).toMatchObject({ body: 'a'.repeat(1_000) });
  });

  it.each([
    ['before', 'identity', Buffer.alloc(1_001)],
    ['after', 'gzip', gzipSync(Buffer.alloc(1_001))],
    ['long after', 'gzip', gzipSync(Buffer.alloc(64 * 1024 * 1024))],
  ])('with a byte more %s decompression is refused', async (_when, encoding, bytes) => {
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    );

    const maxBodyBytes = encoding === 'gzip' && bytes.length > 1_000 ? bytes.length : 1_000;
    http.close();
    http = createHttp(systemClock, { maxBodyBytes });
    expect(await send()).toEqual(failure('the answer is too long'));
  });

  it.each([
    ['no gzip at all', Buffer.from('text'), 'the compressed answer is broken (Z_DATA_ERROR)'],
    [
      'gzip that is cut short',
      gzipSync('text').subarray(0, -9),
      'the compressed answer is cut short (Z_BUF_ERROR)',
    ],
  ])('that is %s is none', async (_what, bytes, message) => {
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes),
    );

    expect(await send()).toEqual(failure(message));
  });

  it('may have 60 KiB of headers, and not 70', async () => {
    const answerWith = (kib: number) => (_seen: unknown, response: ServerResponse) =>
      response.writeHead(200, { 'x-subject-token': 'x'.repeat(kib * 1024) }).end();
    server.respondWith(answerWith(60));
    const long = await send();
    server.respondWith(answerWith(70));
    const tooLong = await send();

    expect(long.kind === 'answer' && long.headers['x-subject-token']).toHaveLength(60 * 1024);
    expect(tooLong).toEqual(failure('the request failed (HPE_HEADER_OVERFLOW)'));
  });
});

describe('a kept connection that the server has closed', () => {
  it('is replaced for a GET, once', async () => {
    await send();
    server.respondWith((_seen, response) => response.destroy());

    expect(await send()).toEqual(failure('the connection was reset (ECONNRESET)'));
    expect(server.seen).toHaveLength(3);
    expect(ended).toEqual([200, undefined, undefined]);
  });

  it.each<[string, Partial<HttpRequest>]>([
    ['a POST', { method: 'POST', body: '{}' }],
    ['a request that may not be repeated', { mayRepeat: () => false }],
  ])('is not for %s', async (_, request) => {
    await send();
    server.respondWith((_seen, response) => response.destroy());

    expect(await send(request)).toMatchObject({ kind: 'failed' });
    expect(server.seen).toHaveLength(2);
  });

  it('is not where the answer had begun', async () => {
    await send();
    server.respondWith((_seen, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('12345', () => response.destroy());
    });

    expect(await send()).toMatchObject({ kind: 'failed', error: { class: 'transient' } });
    expect(server.seen).toHaveLength(2);
  });
});

describe('a request that is given up', () => {
  const GIVEN_UP = failure('the request was given up');

  it('ends while it waits for a free connection, and is not sent later', async () => {
    const responses: ServerResponse[] = [];
    server.respondWith((_seen, response) => responses.push(response));
    const underWay = Array.from({ length: 32 }, () => send());
    await server.arrivals(32);
    const controller = new AbortController();

    const waiting = send({ signal: controller.signal });
    controller.abort();

    expect(await waiting).toEqual(GIVEN_UP);
    for (const response of responses) response.end('{}');
    await Promise.all(underWay);
    server.respondWith((_seen, response) => response.end('{}'));
    await send();
    expect(server.seen).toHaveLength(33);
  });

  it('ends while it waits for the rest of the answer, and its connection with it', async () => {
    let isClosed = false;
    server.respondWith((_seen, response) => {
      response.once('close', () => (isClosed = true));
      response.writeHead(200, { 'content-encoding': 'gzip' }).write('{');
    });
    const controller = new AbortController();
    const answer = send({ signal: controller.signal });
    await server.arrivals(1);

    controller.abort();

    expect(await answer).toEqual(GIVEN_UP);
    await until('the connection is closed', () => isClosed);
  });

  it('is not sent at all where that was so before', async () => {
    expect(await send({ signal: AbortSignal.abort() })).toEqual(GIVEN_UP);
    expect(server.seen).toHaveLength(0);
  });
});

describe('a request through a proxy', () => {
  let proxy: ConnectProxy;
  let clock: FakeClock;
  let proxied: Http;

  beforeEach(async () => {
    proxy = await ConnectProxy.start(1);
    clock = new FakeClock();
    const env = { HTTPS_PROXY: proxy.url.replace('//', '//user:canary@'), NO_PROXY: 'direct.test' };
    proxied = createHttp(clock, { proxyFor: readProxies(env), timeoutMs: 5_000 });
  });

  afterEach(async () => {
    proxied.close();
    await proxy.stop();
  });

  function sendTo(url: string, signal = new AbortController().signal): Promise<HttpAnswer> {
    return proxied.send({ method: 'GET', url: new URL(url), headers: { 'X-Auth-Token': TOKEN }, signal });
  }

  // That it succeeds is shown where whole processes run, which can be given a CA: test/integration/proxy.test.ts.
  it.each<[TunnelTreatment, RegExp]>([
    [{ status: 407, body: '{"kind":"Job"}' }, / answers 407 to CONNECT cce\.test:443: it needs credentials/],
    [
      { status: 403, body: '{"kind":"Job"}' },
      / answers 403 to CONNECT cce\.test:443: it does not allow that host/,
    ],
    [{ status: 404, body: '{"errorCode":"CCE.01404001"}' }, / answers 404 to CONNECT cce\.test:443/],
    [{ status: 429 }, / answers 429 to CONNECT cce\.test:443/],
    [{ status: 502 }, / answers 502 to CONNECT cce\.test:443: it cannot reach that host/],
    ['reset', / cannot be reached, or is no HTTP proxy \(ECONNRESET\)/],
    ['close', / gave a tunnel and closed it at once/],
    ['open', / gave a tunnel and closed it at once|answers 502|cannot be reached/],
  ])('that answers %j is transient, and names the proxy without its password', async (treat, words) => {
    proxy.treat = treat;

    const answer = await sendTo('https://cce.test/api');

    expect(answer).toEqual({
      kind: 'failed',
      error: { class: 'transient', message: expect.stringMatching(words) },
    });
    expect(JSON.stringify(answer)).toContain(`the proxy ${proxy.url} `);
    expect(JSON.stringify(answer)).not.toMatch(/canary/);
    expect(proxy.targets).toEqual(['cce.test:443']);
  });

  it('that is silent is named before its deadline, and the proxy is sent nothing but the target', async () => {
    proxy.treat = 'hang';
    const answer = sendTo('https://cce.test:8443/secret?path');
    await until('the tunnel is asked for', () => proxy.targets.length > 0);

    await clock.advance(5_000);

    expect(await answer).toEqual(
      failure(`the proxy ${proxy.url} gave no connection to cce.test:8443 within 4000 ms`),
    );
    expect(proxy.targets).toEqual(['cce.test:8443']);
    expect(clock.pending).toBe(0);
  });

  it('that is silent can be given up', async () => {
    proxy.treat = 'hang';
    const controller = new AbortController();
    const answer = sendTo('https://cce.test/', controller.signal);
    await until('the tunnel is asked for', () => proxy.targets.length > 0);

    controller.abort();

    expect(await answer).toEqual(failure('the request was given up'));
  });

  it('is not made for what NO_PROXY names, for loopback and for plain HTTP', async () => {
    await sendTo(`${server.url}/`);
    await sendTo(server.url.replace('http:', 'https:'));
    await sendTo('https://direct.test/');

    expect(proxy.targets).toEqual([]);
    expect(proxy.others).toEqual([]);
    expect(server.seen).toHaveLength(1);
  });
});

describe('a certificate that is not to be trusted', () => {
  it('is for somebody to put right, and not a trouble that passes', async () => {
    expect(await sendToUntrusted()).toEqual(
      failure(
        'the TLS certificate is signed by an unknown authority (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
        'misconfigured',
      ),
    );
  });
});
