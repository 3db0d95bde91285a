import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { serveOps, type OpsServer, type ProbeResult } from '../../../src/ops/http.js';

describe('serveOps', () => {
  let found: ProbeResult;
  let metrics: { readonly contentType: string; text: () => Promise<string> };
  let server: OpsServer;
  const at = (path: string): string => `http://127.0.0.1:${server.port}${path}`;

  beforeEach(async () => {
    found = { ok: true, text: 'ok' };
    metrics = { contentType: 'text/x-metrics', text: () => Promise.resolve('up 1\n') };
    server = await serveOps(0, new Map([['/healthz', () => found]]), metrics);
  });

  afterEach(() => server.close());

  it('says ok while all is well', async () => {
    const response = await fetch(at('/healthz'));

    expect([response.status, await response.text()]).toEqual([200, 'ok']);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('says what is not well', async () => {
    found = { ok: false, text: 'the watch is silent\n' };

    const response = await fetch(at('/healthz?verbose'));

    expect([response.status, await response.text()]).toEqual([503, 'the watch is silent\n']);
  });

  it('answers HEAD without a body', async () => {
    const response = await fetch(at('/healthz'), { method: 'HEAD' });

    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('serves the metrics in their own content type', async () => {
    const response = await fetch(at('/metrics'));

    expect([response.status, await response.text()]).toEqual([200, 'up 1\n']);
    expect(response.headers.get('content-type')).toBe('text/x-metrics');
  });

  it('goes on when the metrics cannot be read', async () => {
    metrics.text = () => Promise.reject(new Error('canary'));

    const response = await fetch(at('/metrics'));
    const after = await fetch(at('/healthz'));

    expect([response.status, await response.text()]).toEqual([500, '']);
    expect(await after.text()).toBe('ok');
  });

  it.each([
    ['another path', '/secrets', 'GET'],
    ['the root', '/', 'GET'],
    ['another method', '/healthz', 'POST'],
    ['another method of the metrics', '/metrics', 'POST'],
  ])('knows nothing of %s', async (_, path, method) => {
    const response = await fetch(at(path), { method });

    expect(response.status).toBe(404);
    await response.text();
  });

  it('closes although a client keeps its connection open', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    await new Promise((resolve) => {
      socket.once('connect', resolve);
    });
    await fetch(at('/healthz')).then((response) => response.text());

    await server.close();
    await closed;

    await expect(fetch(at('/healthz'))).rejects.toThrow('fetch failed');
  });

  describe('whose port is held by others', () => {
    /** More than the server has room for. */
    const MANY = 80;
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    async function open(localAddress = '127.0.0.1'): Promise<Socket> {
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress });
      socket.on('error', () => undefined).resume();
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    }

    /** A request that never ends, a header every few milliseconds. */
    async function drip(): Promise<Socket> {
      const socket = await open();
      socket.write('GET /healthz HTTP/1.1\r\n');
      const timer = setInterval(() => socket.write('x: y\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
      return socket;
    }

    /** As the kubelet does: over a connection of its own. */
    async function probe(): Promise<number | undefined> {
      const [response] = (await once(get(at('/healthz'), { agent: false }), 'response')) as [IncomingMessage];
      return response.resume().statusCode;
    }

    it.each([
      ['silent', open],
      ['slowly dripping', drip],
    ])('answers every probe beside %s connections', async (_, hold) => {
      const statuses: (number | undefined)[] = [];
      for (let index = 0; index < MANY; index += 1) {
        await hold();
        if (index % 8 === 0) statuses.push(await probe());
      }
      for (let more = 0; more < 10; more += 1) statuses.push(await probe());

      expect(new Set(statuses)).toEqual(new Set([200]));
    });

    it('takes the connections of one peer from nobody but that peer', async () => {
      const others = [await open('127.0.0.2'), await open('127.0.0.3')];
      for (let index = 0; index < MANY; index += 1) await open();
      for (let peer = 4; peer < 54; peer += 1) await open(`127.0.0.${peer}`);

      const answers = others.map(async (socket) => {
        const answer = once(socket, 'data');
        socket.write('GET /healthz HTTP/1.0\r\n\r\n');
        const [data] = (await answer) as [Buffer];
        return data.toString('utf8').split('\r\n')[0];
      });

      expect(await Promise.all(answers)).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']);
      expect(sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(64);
    });

    it('gives up whoever sends no request, or does not end it, within seconds', async () => {
      const held = [await open(), await drip()];

      await Promise.all(held.map((socket) => once(socket, 'close')));
    }, 10_000);
  });

  it('says so when its port is taken', async () => {
    await expect(serveOps(server.port, new Map(), metrics)).rejects.toThrow(
      `port ${server.port} for probes and metrics: EADDRINUSE; end what listens there, or choose another with --http-port`,
    );
  });
});
