import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
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

  it('goes on when the metrics cannot be told', async () => {
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

  it('says so when its port is taken', async () => {
    await expect(serveOps(server.port, new Map(), metrics)).rejects.toThrow(
      `port ${server.port} for probes and metrics: EADDRINUSE; end what listens there, or choose another with --http-port`,
    );
  });
});
