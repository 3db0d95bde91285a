import http from 'node:http';
import https from 'node:https';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock, type Clock } from '../../src/clock.js';
import { PlainTunnelAgent, TunnelAgent } from '../../src/connecting.js';
import { parseProxy } from '../../src/proxy.js';
import { ConnectProxy, TEST_CA, TEST_CERTIFICATE, type TunnelTreatment } from '../support/connectProxy.js';
import { FakeClock } from '../support/fakeClock.js';
import { until } from '../support/until.js';

const OPTIONS = { keepAlive: true, maxSockets: 4, maxFreeSockets: 4, timeout: 30_000 };

let seen: http.IncomingHttpHeaders[];
let server: https.Server;
let proxy: ConnectProxy;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  seen = [];
  server = https.createServer(TEST_CERTIFICATE, ({ headers }, response) => {
    seen.push(headers);
    response.end('the server');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  proxy = await ConnectProxy.start((server.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await proxy.stop();
  server.closeAllConnections();
  server.close();
});

function agentFor(url = proxy.url, clock: Clock = systemClock, trust: object = { ca: TEST_CA }): TunnelAgent {
  const tunnels = { proxy: parseProxy(url, 'HTTPS_PROXY'), clock, connectMs: 5_000 };
  const agent = new TunnelAgent({ ...OPTIONS, ...trust }, tunnels);
  cleanups.push(() => agent.destroy());
  return agent;
}

function get(agent: http.Agent, url = 'https://cce.test/a'): Promise<string> {
  const { request } = url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    })
      .on('error', reject)
      .end();
  });
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not fail');
}

describe('through the tunnel of a proxy', () => {
  it.each([false, true])(
    'TLS leads to the server, whose name the proxy resolves (https proxy: %s)',
    async (secure) => {
      const { port } = server.address() as AddressInfo;
      const other = await ConnectProxy.start(port, { secure });
      cleanups.push(() => other.stop());
      // Node trusts no CA of ours for the proxy's own certificate, so a secure one is only seen to be spoken to in TLS.
      const answer = get(agentFor(other.url));

      if (secure) {
        expect((await failureOf(answer)).message).toMatch(
          /^the proxy https:.* \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/,
        );
      } else {
        expect(await answer).toBe('200 the server');
        expect(other.targets).toEqual(['cce.test:443']);
      }
    },
  );

  it('the proxy alone is sent its user and password', async () => {
    expect(await get(agentFor(proxy.url.replace('//', '//user:pass%20word@')))).toBe('200 the server');

    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('user:pass word').toString('base64')}`]);
    expect(seen[0]).not.toHaveProperty('proxy-authorization');
  });

  it('requests one after the other use one connection', async () => {
    const agent = agentFor();

    for (let turn = 0; turn < 10; turn += 1) await get(agent);

    expect(proxy.targets).toHaveLength(1);
  });

  it('many at once all succeed, and no more connections are kept than may be', async () => {
    const agent = agentFor();

    const answers = await Promise.all(Array.from({ length: 30 }, () => get(agent)));

    expect(new Set(answers)).toEqual(new Set(['200 the server']));
    await until('the others are closed', () => proxy.connections <= OPTIONS.maxSockets);
    const before = proxy.targets.length;
    await get(agent);
    expect(proxy.targets).toHaveLength(before);
  });

  it('plain HTTP goes, too', async () => {
    const plain = http.createServer((_, response) => response.end('plain')).listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      plain.once('listening', resolve);
    });
    const other = await ConnectProxy.start((plain.address() as AddressInfo).port);
    const tunnels = { proxy: parseProxy(other.url, 'HTTP_PROXY'), clock: systemClock, connectMs: 5_000 };
    const agent = new PlainTunnelAgent(OPTIONS, tunnels);
    cleanups.push(
      () => agent.destroy(),
      () => other.stop(),
      () => plain.close(),
    );

    expect([await get(agent, 'http://api.test:8080/'), await get(agent, 'http://api.test:8080/')]).toEqual([
      '200 plain',
      '200 plain',
    ]);
    expect(other.targets).toEqual(['api.test:8080']);
  });

  it("the server's certificate is checked, against the server's name", async () => {
    expect(await failureOf(get(agentFor(), 'https://other.test/'))).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    expect(await failureOf(get(agentFor(proxy.url, systemClock, {})))).toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    expect(seen).toHaveLength(0);
  });

  it('an address of the proxy has 2.5 s to connect before another one is tried', async () => {
    const connect = jest.spyOn(Socket.prototype, 'connect');
    await get(agentFor());
    const options = connect.mock.calls.flat(3);
    connect.mockRestore();

    expect(options).toContainEqual(expect.objectContaining({ autoSelectFamilyAttemptTimeout: 2_500 }));
  });
});

describe('a proxy that gives no tunnel', () => {
  it.each<[TunnelTreatment, string]>([
    [{ status: 407 }, 'answers 407 to CONNECT cce.test:443: it needs credentials, or other ones'],
    [{ status: 403, body: 'canary' }, 'answers 403 to CONNECT cce.test:443: it does not allow that host'],
    [{ status: 502 }, 'answers 502 to CONNECT cce.test:443: it cannot reach that host'],
    [{ status: 302 }, 'answers 302 to CONNECT cce.test:443'],
    ['reset', 'cannot be reached, or is no HTTP proxy (ECONNRESET)'],
    ['close', 'gave a tunnel and closed it at once'],
  ])('because it says %j is named, without its password', async (treat, words) => {
    proxy.treat = treat;

    const { name, message } = await failureOf(get(agentFor(proxy.url.replace('//', '//user:canary@'))));

    expect(name).toBe('TunnelError');
    expect(message).toContain(`the proxy ${proxy.url} ${words}`);
    expect(message).not.toContain('canary');
    expect(seen).toHaveLength(0);
  });

  it('because it is not there is named', async () => {
    const url = proxy.url;
    await proxy.stop();

    expect((await failureOf(get(agentFor(url)))).message).toContain(
      `the proxy ${url} cannot be reached, or is no HTTP proxy (ECONNREFUSED)`,
    );
    proxy = await ConnectProxy.start(1);
  });

  it('because it speaks something else, without end, is left', async () => {
    const babbler = createServer((socket) => {
      const line = `X: ${'x'.repeat(1_000)}\r\n`;
      const more = (): boolean => socket.write(line, () => void (socket.destroyed || more()));
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n');
      more();
    });
    await new Promise<void>((resolve) => {
      babbler.listen(0, '127.0.0.1', resolve);
    });
    cleanups.push(() => babbler.close());
    const { port } = babbler.address() as AddressInfo;

    expect((await failureOf(get(agentFor(`http://127.0.0.1:${port}`)))).message).toContain(
      '(HPE_HEADER_OVERFLOW)',
    );
  });

  it('because it is silent is left when the time is up, again and again, and used again when it heals', async () => {
    const clock = new FakeClock();
    const agent = agentFor(proxy.url, clock);
    proxy.treat = 'hang';

    for (let round = 1; round <= 3; round += 1) {
      const failures = Promise.all(Array.from({ length: 10 }, () => failureOf(get(agent))));
      await until('the tunnels are asked for', () => proxy.targets.length === 10 * round);
      await clock.advance(5_000);
      for (const { message } of await failures) {
        expect(message).toBe(`the proxy ${proxy.url} gave no connection to cce.test:443 within 5000 ms`);
      }
      await until('the connections are closed', () => proxy.connections === 0);
    }
    proxy.treat = 'open';

    expect(await get(agent)).toBe('200 the server');
    expect(clock.pending).toBe(0);
  });

  it('yet is left when its agent is destroyed', async () => {
    proxy.treat = 'hang';
    const agent = agentFor();
    const failure = failureOf(get(agent));
    await until('the tunnel is asked for', () => proxy.targets.length === 1);

    agent.destroy();

    expect((await failure).message).toContain('is not used any more');
    await until('the connection is closed', () => proxy.connections === 0);
  });
});
