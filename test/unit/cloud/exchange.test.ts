import * as http from 'node:http';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AnswerTooLong, exchange, StaleConnection } from '../../../src/cloud/exchange.js';
import { TestServer } from './server.js';

let server: TestServer;
let agent: http.Agent;

beforeEach(async () => {
  server = await new TestServer((_seen, response) => response.end('{}')).start();
  agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
});

afterEach(async () => {
  agent.destroy();
  await server.stop();
});

function start(options: http.RequestOptions = {}, body?: string, maxBytes = 1_000) {
  return exchange(new URL(`${server.url}/a%2Fb?c=d`), { agent, ...options }, body, maxBytes);
}

describe('an exchange', () => {
  it('sends path, headers and body as they are', async () => {
    await start({ method: 'POST', headers: { 'X-Auth-Token': 'token-1' } }, '{"é":1}').answer;

    expect(server.seen).toMatchObject([
      {
        method: 'POST',
        path: '/a%2Fb?c=d',
        headers: { 'x-auth-token': 'token-1', 'content-length': '8' },
        body: '{"é":1}',
      },
    ]);
  });

  it('sends no body with a GET', async () => {
    await start().answer;

    expect(server.seen[0]?.headers).not.toHaveProperty('content-length');
    expect(server.seen[0]?.headers).not.toHaveProperty('transfer-encoding');
  });

  it.each([200, 204, 302, 404, 503])('takes a %d as an answer', async (status) => {
    server.respondWith((_seen, response) => response.writeHead(status, { location: '/', 'x-a': 'b' }).end());

    const { status: taken, headers, body } = await start().answer;

    expect({ status: taken, body: body.toString() }).toEqual({ status, body: '' });
    expect(headers).toMatchObject({ 'x-a': 'b' });
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    ['gzip', gzipSync('text')],
    ['GZIP', gzipSync('text')],
    ['deflate', deflateSync('text')],
    ['identity', Buffer.from('text')],
  ])('reads a body in %s', async (encoding, bytes) => {
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    );

    expect((await start().answer).body.toString()).toBe('text');
  });

  it('reads an empty body that is called compressed', async () => {
    server.respondWith((_seen, response) => response.writeHead(503, { 'content-encoding': 'gzip' }).end());

    expect(await start().answer).toMatchObject({ status: 503, body: Buffer.alloc(0) });
  });

  it('takes as many bytes as may be', async () => {
    server.respondWith((_seen, response) => response.end('a'.repeat(1_000)));

    expect((await start().answer).body).toHaveLength(1_000);
  });

  it.each([
    ['before', 'identity', Buffer.alloc(1_001)],
    ['after', 'gzip', gzipSync(Buffer.alloc(1_001))],
  ])('refuses a byte more %s decompression', async (_when, encoding, bytes) => {
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    );

    await expect(start().answer).rejects.toBeInstanceOf(AnswerTooLong);
  });

  it.each([
    ['no gzip at all', Buffer.from('text'), 'Z_DATA_ERROR'],
    ['gzip that is cut short', gzipSync('text').subarray(0, -9), 'Z_BUF_ERROR'],
  ])('tells of %s', async (_what, bytes, code) => {
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes),
    );

    await expect(start().answer).rejects.toMatchObject({ code });
  });

  it('rejects a header that HTTP does not allow, and sends nothing', async () => {
    const { answer } = start({ headers: { 'X-Auth-Token': 'a\r\nX-Other: b' } });

    await expect(answer).rejects.toMatchObject({ code: 'ERR_INVALID_CHAR' });
    expect(server.seen).toHaveLength(0);
  });
});

describe('an exchange whose connection is closed', () => {
  it('is stale where the connection was kept from an earlier one', async () => {
    await start().answer;
    server.respondWith((_seen, response) => response.destroy());

    await expect(start().answer).rejects.toBeInstanceOf(StaleConnection);
  });

  it('has failed where the connection was its own', async () => {
    server.respondWith((_seen, response) => response.destroy());

    const { answer } = start();

    await expect(answer).rejects.not.toBeInstanceOf(StaleConnection);
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('has failed where the answer had begun', async () => {
    await start().answer;
    server.respondWith((_seen, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('12345', () => response.destroy());
    });

    const { answer } = start();

    await expect(answer).rejects.not.toBeInstanceOf(StaleConnection);
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('an exchange that is given up', () => {
  it('ends while it waits for a free connection, and is not sent later', async () => {
    let finish = (): void => {};
    server.respondWith((_seen, response) => (finish = () => response.end('{}')));
    const first = start();
    await server.arrivals(1);

    const second = start();
    second.giveUp();
    await expect(second.answer).rejects.toThrow('given up');

    server.respondWith((_seen, response) => response.end('{}'));
    finish();
    await first.answer;
    await start().answer;
    expect(server.seen).toHaveLength(2);
  });

  it('ends while it waits for the rest of the answer, and its connection with it', async () => {
    let closed: Promise<void> = Promise.resolve();
    server.respondWith((_seen, response) => {
      closed = new Promise((resolve) => {
        response.once('close', resolve);
      });
      response.write('{');
    });
    const { answer, giveUp } = start();
    await server.arrivals(1);

    giveUp();

    await expect(answer).rejects.toThrow('given up');
    await closed;
  });

  it('is as it was where it had ended', async () => {
    const { answer, giveUp } = start();
    await answer;

    giveUp();

    expect((await answer).status).toBe(200);
    expect((await start().answer).status).toBe(200);
  });
});
