import { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { KubeError } from '../../../src/kube/errors.js';
import type { ClusterAccess } from '../../../src/kube/access/access.js';
import { HttpTransport } from '../../../src/kube/transport.js';
import type { TransportLimits } from '../../../src/kube/transportLimits.js';
import type { KubeRequest } from '../../../src/kube/transport.js';
import { parseProxy } from '../../../src/proxy.js';
import { ConnectProxy, TEST_CA, TEST_CERTIFICATE, type TunnelTreatment } from '../../support/connectProxy.js';
import { json, ScriptedServer, statusBody } from './scriptedServer.js';
import type { Script } from './scriptedServer.js';
import { failure, plainAccess, until } from './support.js';

const cleanups: (() => Promise<void> | void)[] = [];
const forever = new AbortController().signal;
const get: KubeRequest = { method: 'GET', path: '/api/v1/x' };
const post: KubeRequest = { method: 'POST', path: '/api/v1/x', body: { a: 1 } };

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function setUp(
  script: Script,
  limits: Partial<TransportLimits> = {},
  access: Partial<ClusterAccess> = {},
  mayWrite: () => boolean = () => true,
): Promise<{ server: ScriptedServer; transport: HttpTransport }> {
  const server = await ScriptedServer.start(script);
  const transport = new HttpTransport({
    access: { ...plainAccess(server.url), ...access },
    clock: systemClock,
    userAgent: 'test/1',
    limits,
    mayWrite,
  });
  cleanups.push(
    () => server.stop(),
    () => transport.close(),
  );
  return { server, transport };
}

describe('requests of a process that must lead to write', () => {
  it('are sent while it leads; later only those that change nothing are', async () => {
    let leads = true;
    const script: Script = (_, response) => json(response, 200, {});
    const { server, transport } = await setUp(script, {}, {}, () => leads);

    await transport.request(post, forever);
    leads = false;
    const error = await failure(transport.request(post, forever));
    await transport.request(get, forever);

    expect(error).toMatchObject({ status: 0, reason: 'NotLeading' });
    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });

  it('are not sent when it ceases to lead while they wait for a connection', async () => {
    let leads = true;
    const script: Script = (_, response) => {
      leads = false;
      json(response, 200, {});
    };
    const { server, transport } = await setUp(script, { maxSockets: 1 }, {}, () => leads);

    const first = transport.request(get, forever);
    const second = failure(transport.request(post, forever));
    await first;

    expect(await second).toMatchObject({ reason: 'NotLeading' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('requests', () => {
  it('carry method, query, headers and a JSON body, and give back the parsed answer', async () => {
    const { server, transport } = await setUp((_, response) => json(response, 200, { ok: 'ü' }));

    const answer = await transport.request(
      {
        method: 'PATCH',
        path: '/apis/g/v1/things/a%20b/status',
        query: new URLSearchParams({ q: 'a b&c' }),
        body: { status: 'ü' },
        contentType: 'application/merge-patch+json',
      },
      forever,
    );

    expect(answer).toEqual({ ok: 'ü' });
    expect(server.requests[0]).toMatchObject({
      method: 'PATCH',
      path: '/apis/g/v1/things/a%20b/status',
      body: '{"status":"ü"}',
      headers: { 'content-type': 'application/merge-patch+json', 'user-agent': 'test/1' },
    });
    expect(server.requests[0]?.query.get('q')).toBe('a b&c');
  });

  it('keep the path prefix of the server', async () => {
    const { server, transport } = await setUp((_, response) => json(response, 200, {}));
    const behindProxy = new HttpTransport({
      access: plainAccess(`${server.url}/k8s/clusters/c-1`),
      clock: systemClock,
      userAgent: 'test/1',
    });
    cleanups.push(() => behindProxy.close());

    await transport.request(get, forever);
    await behindProxy.request(get, forever);

    expect(server.requests.map(({ path }) => path)).toEqual(['/api/v1/x', '/k8s/clusters/c-1/api/v1/x']);
  });

  it('one after the other use one connection', async () => {
    const { server, transport } = await setUp((_, response) => json(response, 200, {}));

    for (let turn = 0; turn < 50; turn += 1) await transport.request(get, forever);

    expect(server.connections).toBe(1);
  });

  it('all at once use as many connections as allowed, and all succeed', async () => {
    const { server, transport } = await setUp((_, response) => json(response, 200, {}), { maxSockets: 4 });

    await Promise.all(Array.from({ length: 100 }, () => transport.request(get, forever)));

    expect(server.requests.length).toBe(100);
    expect(server.connections).toBe(4);
  });

  it('are not held up by streams that are open', async () => {
    const { transport } = await setUp(
      ({ query }, response) =>
        query.has('watch') ? void response.write('\n') : json(response, 200, { ok: 1 }),
      { maxSockets: 1 },
    );
    const end = new AbortController();
    const watch = { ...get, query: new URLSearchParams({ watch: 'true' }) };
    await Promise.all([transport.stream(watch, end.signal), transport.stream(watch, end.signal)]);

    const answer = await transport.request(get, forever);

    end.abort();
    expect(answer).toEqual({ ok: 1 });
  });
});

describe('a connection that the server closed while it was idle', () => {
  /** Answers, then resets each connection when the second request on it arrives. */
  function closesOnReuse(): Script {
    const used = new WeakSet<object>();
    return (_, response) => {
      const { socket } = response;
      if (socket === null) return;
      if (used.has(socket)) {
        socket.resetAndDestroy();
        return;
      }
      used.add(socket);
      json(response, 200, {});
    };
  }

  it('does not surface for an idempotent request', async () => {
    const { server, transport } = await setUp(closesOnReuse());
    await transport.request(get, forever);

    const answer = await transport.request(get, forever);

    expect(answer).toEqual({});
    expect(server.connections).toBe(2);
  });

  it('fails a request that must not be sent twice', async () => {
    const { server, transport } = await setUp(closesOnReuse());
    await transport.request(get, forever);

    const error = await failure(transport.request(post, forever));

    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed' });
    expect(server.requests.length).toBe(2);
  });

  it('is no reason to repeat on a fresh connection', async () => {
    const { server, transport } = await setUp((_, response) => response.socket?.resetAndDestroy());

    const error = await failure(transport.request(get, forever));

    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed' });
    expect(server.requests.length).toBe(1);
  });
});

describe('deadlines', () => {
  it.each<[string, Script, Partial<TransportLimits>]>([
    ['headers that never come', () => undefined, { headersMs: 30 }],
    ['a body that never ends', (_, response) => void response.write('{'), { requestMs: 60 }],
  ])('end a request with %s, and its connection', async (_, script, limits) => {
    const { server, transport } = await setUp(script, limits);

    const first = await failure(transport.request(get, forever));
    const second = await failure(transport.request(get, forever));

    expect([first, second]).toMatchObject([{ reason: 'DeadlineExceeded' }, { reason: 'DeadlineExceeded' }]);
    expect(server.connections).toBe(2);
  });

  it('count the wait for a free connection', async () => {
    const { transport } = await setUp(() => undefined, { maxSockets: 1, requestMs: 60, headersMs: 10_000 });

    const errors = await Promise.all([
      failure(transport.request(get, forever)),
      failure(transport.request(get, forever)),
    ]);

    expect(errors).toMatchObject([{ reason: 'DeadlineExceeded' }, { reason: 'DeadlineExceeded' }]);
  });

  it('count the wait for credentials', async () => {
    const { transport } = await setUp(
      () => undefined,
      { requestMs: 30 },
      {
        credentials: () => new Promise(() => undefined),
      },
    );

    const error = await failure(transport.request(get, forever));

    expect(error).toMatchObject({ reason: 'DeadlineExceeded' });
  });

  it('end a stream only while its headers are awaited', async () => {
    const { transport } = await setUp(() => undefined, { headersMs: 30 });

    const error = await failure(transport.stream(get, forever));

    expect(error).toMatchObject({ reason: 'DeadlineExceeded' });
  });
});

describe('cancelling', () => {
  it('ends a request at once', async () => {
    const { server, transport } = await setUp(() => undefined);
    const controller = new AbortController();
    const request = failure(transport.request(get, controller.signal));
    await until(() => server.requests.length === 1, 'the request arrives');

    controller.abort();

    expect(await request).toMatchObject({ reason: 'Canceled' });
  });

  it('ends a request at once that waits for a free connection', async () => {
    const { server, transport } = await setUp(() => undefined, { maxSockets: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const holding = failure(transport.request(get, first.signal));
    const waiting = failure(transport.request(get, second.signal));
    await until(() => server.requests.length === 1, 'the first request arrives');

    second.abort();

    expect(await waiting).toMatchObject({ reason: 'Canceled' });
    first.abort();
    expect(await holding).toMatchObject({ reason: 'Canceled' });
    expect(server.requests).toHaveLength(1);
  });

  it('before the start sends nothing', async () => {
    const { server, transport } = await setUp(() => undefined);

    const error = await failure(transport.request(get, AbortSignal.abort()));

    expect(error).toMatchObject({ reason: 'Canceled' });
    expect(server.requests).toEqual([]);
  });

  it('ends a stream, with the reason that was given', async () => {
    const { transport } = await setUp((_, response) => void response.write('one'));
    const controller = new AbortController();
    const stream = await transport.stream(get, controller.signal);
    const reading = failure(
      (async () => {
        for await (const chunk of stream) {
          expect(chunk.toString()).toBe('one');
          controller.abort(new KubeError(0, 'Stalled', 'silent'));
        }
      })(),
    );

    expect(await reading).toMatchObject({ reason: 'Stalled' });
  });
});

describe('failures', () => {
  it('take status, reason, message and Retry-After from the API', async () => {
    const { transport } = await setUp((_, response) => {
      response.setHeader('Retry-After', '7');
      json(response, 429, statusBody(429, 'TooManyRequests', 'slow\ndown'));
    });

    const error = await failure(transport.request(get, forever));

    expect(error).toBeInstanceOf(KubeError);
    expect(error).toMatchObject({
      status: 429,
      reason: 'TooManyRequests',
      message: 'GET /api/v1/x: 429 TooManyRequests: slow down',
      retryAfterMs: 7000,
    });
  });

  it.each<[string, Script, Partial<KubeError>]>([
    [
      'an HTML error of a proxy',
      (_, response) => void response.writeHead(502).end('<h1>Bearer canary</h1>'),
      { status: 502, reason: 'HTTP502', message: 'GET /api/v1/x: 502 HTTP502' },
    ],
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
      { status: 302 },
    ],
    ['HTML instead of JSON', (_, response) => void response.end('<html>'), { reason: 'MalformedResponse' }],
    ['truncated JSON', (_, response) => void response.end('{"a":'), { reason: 'MalformedResponse' }],
    [
      'a body cut off by a reset',
      (_, response) => response.write('{"a":', () => response.socket?.resetAndDestroy()),
      { reason: 'ConnectionFailed' },
    ],
    [
      'a body larger than allowed',
      (_, response) => void response.end(`"${'x'.repeat(2000)}"`),
      { reason: 'ResponseTooLarge' },
    ],
    [
      'an error body that never ends',
      (_, response) => void response.writeHead(500).write('{'),
      { status: 500, reason: 'HTTP500' },
    ],
  ])('make one kind of error of %s', async (_, script, expected) => {
    const { transport } = await setUp(script, { maxBytes: 1000, headersMs: 100 });

    const error = await failure(transport.request(get, forever));

    expect(error).toBeInstanceOf(KubeError);
    expect(error).toMatchObject(expected);
    expect(String(error)).not.toContain('canary');
  });

  it('report the code of a connection that cannot be made', async () => {
    const { server, transport } = await setUp(() => undefined);
    await server.stop();
    cleanups.shift();

    const error = await failure(transport.request(get, forever));

    expect(error).toMatchObject({
      status: 0,
      message: 'GET /api/v1/x: the connection to the API server failed (ECONNREFUSED)',
    });
  });
});

describe('credentials', () => {
  it('are renewed after a 401, and the request sent again', async () => {
    let token = 'old';
    const { server, transport } = await setUp(
      ({ headers }, response) =>
        headers.authorization === 'Bearer new'
          ? json(response, 200, { ok: 1 })
          : json(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized')),
      {},
      {
        credentials: () =>
          Promise.resolve({
            headers: { Authorization: `Bearer ${token}` },
            tls: { rejectUnauthorized: true },
          }),
        renew: () => {
          token = 'new';
          return true;
        },
      },
    );

    const answer = await transport.request(post, forever);

    expect(answer).toEqual({ ok: 1 });
    expect(server.requests.length).toBe(2);
  });

  it('that cannot be renewed leave the 401 to the caller', async () => {
    const { server, transport } = await setUp((_, response) =>
      json(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized')),
    );

    const error = await failure(transport.request(get, forever));

    expect(error).toMatchObject({ status: 401, reason: 'Unauthorized' });
    expect(server.requests.length).toBe(1);
  });
});

describe('a proxy', () => {
  async function setUpProxied(script: Script, limits: Partial<TransportLimits> = {}, secure = true) {
    const server = await ScriptedServer.start(script, secure ? TEST_CERTIFICATE : undefined);
    const proxy = await ConnectProxy.start(server.port);
    const scheme = secure ? 'https' : 'http';
    const tls = { ca: TEST_CA, rejectUnauthorized: true };
    const access = {
      ...plainAccess(`${scheme}://api.test:6443`),
      proxy: parseProxy(proxy.url.replace('//', '//user:canary@'), 'proxy-url'),
      credentials: () => Promise.resolve({ headers: { Authorization: 'Bearer abc' }, tls }),
    };
    const transport = new HttpTransport({ access, clock: systemClock, userAgent: 'test/1', limits });
    cleanups.push(
      () => transport.close(),
      () => proxy.stop(),
      () => server.stop(),
    );
    return { server, proxy, transport };
  }

  it.each([true, false])('leads requests and streams to the API server (TLS: %s)', async (secure) => {
    const script: Script = ({ query }, response) =>
      query.has('watch') ? void response.write('one') : json(response, 200, { ok: 1 });
    const { server, proxy, transport } = await setUpProxied(script, {}, secure);
    const end = new AbortController();

    for (let turn = 0; turn < 10; turn += 1) {
      expect(await transport.request(get, forever)).toEqual({ ok: 1 });
    }
    const watch = { ...get, query: new URLSearchParams({ watch: 'true' }) };
    for await (const chunk of await transport.stream(watch, end.signal)) {
      expect(chunk.toString()).toBe('one');
      break;
    }

    end.abort();
    expect(proxy.targets).toEqual(['api.test:6443', 'api.test:6443']);
    expect(proxy.credentials[0]).toMatch(/^Basic /);
    expect(server.requests).toHaveLength(11);
    expect(server.requests[0]?.headers).toMatchObject({ host: 'api.test:6443', authorization: 'Bearer abc' });
    expect(server.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it.each<[TunnelTreatment, string]>([
    [{ status: 407 }, 'answers 407 to CONNECT api.test:6443: it needs credentials, or other ones'],
    [{ status: 403 }, 'answers 403 to CONNECT api.test:6443: it does not allow that host'],
    // What a proxy refuses is no answer of the API: nobody must take it for an object that is gone.
    [{ status: 404, body: JSON.stringify(statusBody(404, 'NotFound', 'no')) }, 'answers 404'],
    ['close', 'gave a tunnel and closed it at once'],
    ['hang', 'gave no connection to api.test:6443 within 200 ms'],
  ])('that answers %j fails requests and streams, and is named', async (treat, words) => {
    const { server, proxy, transport } = await setUpProxied(() => undefined, { connectMs: 200 });
    proxy.treat = treat;

    const errors = [
      await failure(transport.request(get, forever)),
      await failure(transport.stream(get, forever)),
    ];

    for (const error of errors) {
      expect(error).toMatchObject({
        status: 0,
        reason: 'ConnectionFailed',
        message: expect.stringContaining(`GET /api/v1/x: the proxy ${proxy.url} ${words}`),
      });
      expect(String(error)).not.toMatch(/canary|abc/);
    }
    expect(server.requests).toEqual([]);
  });

  it('that is silent does not hold up a request that is cancelled', async () => {
    const { proxy, transport } = await setUpProxied(() => undefined);
    proxy.treat = 'hang';
    const controller = new AbortController();
    const request = failure(transport.request(get, controller.signal));
    await until(() => proxy.targets.length === 1, 'the tunnel is asked for');

    controller.abort();

    expect(await request).toMatchObject({ reason: 'Canceled' });
  });
});

it.each([true, false])(
  'an address has 2.5 s to connect before another one is tried (watch: %s)',
  async (isWatch) => {
    const { transport } = await setUp((_, response) => json(response, 200, {}));
    const connect = jest.spyOn(Socket.prototype, 'connect');
    await (isWatch ? transport.stream(get, forever) : transport.request(get, forever));
    const options = connect.mock.calls.flat(3);
    connect.mockRestore();

    expect(options).toContainEqual(expect.objectContaining({ autoSelectFamilyAttemptTimeout: 2_500 }));
  },
);
