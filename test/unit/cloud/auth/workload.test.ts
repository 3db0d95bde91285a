import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Authenticators } from '../../../../src/cloud/auth/authenticators.js';
import type { Authenticator } from '../../../../src/cloud/auth/authenticator.js';
import { createHttp, type Http } from '../../../../src/cloud/http.js';
import { FakeClock } from '../../../support/fakeClock.js';
import { until } from '../../../support/until.js';
import { answerJSON, TestServer } from '../server.js';

const MINUTE = 60_000;
const NEVER = new AbortController().signal;

let clock: FakeClock;
let server: TestServer;
let http: Http;
let authenticators: Authenticators;
let folder: string;
let tokenFile: string;

beforeEach(async () => {
  clock = new FakeClock('2026-01-01T00:00:00Z');
  server = await new TestServer((_seen, response) => response.end()).start();
  http = createHttp(clock);
  authenticators = new Authenticators(http, clock, () => 0);
  folder = await mkdtemp(join(tmpdir(), 'workload-'));
  tokenFile = join(folder, 'token');
});

afterEach(async () => {
  http.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

function ask(authenticator: Authenticator, projectID = 'project-1') {
  const request = {
    method: 'GET',
    url: new URL('https://cce.example/'),
    projectID,
    iam: server.url,
  } as const;
  return authenticator.headers(request, NEVER);
}

/** A server's `Date` that agrees with the fake clock, as the lifetime is measured by it. */
function date(): Record<string, string> {
  return { date: new Date(clock.now()).toUTCString() };
}

describe('ECS metadata', () => {
  function serve(lifetimeMs: number, { session = true } = {}): void {
    let keys = 0;
    server.respondWith((seen, response) => {
      if (seen.path === '/meta-data/latest/api/token') {
        if (session) response.end('session-1');
        else response.writeHead(404).end();
        return;
      }
      keys += 1;
      const expires_at = new Date(clock.now() + lifetimeMs).toISOString().replace('Z', '000Z');
      const credential = {
        access: `access-${keys}`,
        secret: 'secret-1',
        securitytoken: `security-${keys}`,
        expires_at,
      };
      answerJSON(response, 200, { credential }, date());
    });
  }

  function own(): Authenticator {
    return authenticators.ofWorkload({ kind: 'ecsMetadata', endpoint: server.url });
  }

  async function securityTokenOf(authenticator: Authenticator): Promise<string | undefined> {
    const answer = await ask(authenticator);
    return answer.ok ? answer.headers['x-security-token'] : undefined;
  }

  it('gives a temporary key, requested with a session token', async () => {
    serve(60 * MINUTE);

    const answer = await ask(own());

    expect(answer).toMatchObject({
      ok: true,
      headers: {
        'x-security-token': 'security-1',
        Authorization: expect.stringContaining('Access=access-1,'),
      },
    });
    expect(server.seen).toMatchObject([
      { method: 'PUT', headers: { 'x-metadata-token-ttl-seconds': '21600' } },
      { method: 'GET', path: '/openstack/latest/securitykey', headers: { 'x-metadata-token': 'session-1' } },
    ]);
  });

  it('is called without a session token where there is none', async () => {
    serve(60 * MINUTE, { session: false });

    expect(await securityTokenOf(own())).toBe('security-1');
    expect(server.seen[1]?.headers['x-metadata-token']).toBeUndefined();
  });

  it('is not called without a session token when it failed to give one', async () => {
    server.respondWith((seen, response) => response.writeHead(seen.method === 'PUT' ? 503 : 401).end());

    expect(await ask(own())).toMatchObject({ ok: false, error: { class: 'transient', status: 503 } });
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    ['an hour', 60 * MINUTE, 50 * MINUTE, 52 * MINUTE],
    ['a day', 24 * 60 * MINUTE, 20 * 60 * MINUTE, 21 * 60 * MINUTE],
  ])('is asked again in proportion to a lifetime of %s', async (_name, lifetime, tooEarly, due) => {
    serve(lifetime);
    const authenticator = own();

    await ask(authenticator);
    await clock.advance(tooEarly);
    await ask(authenticator);
    expect(server.seen).toHaveLength(2);

    await clock.advance(due - tooEarly);
    await ask(authenticator);
    await until('the new key', async () => (await securityTokenOf(authenticator)) === 'security-2');
    await clock.advance(lifetime - due + 1);

    expect(await securityTokenOf(authenticator)).toBe('security-2');
  });

  it.each([
    [
      'no agency',
      401,
      'Please configure Cloud Service Agency first',
      { class: 'unauthorized', message: 'the ECS that the operator runs on has no agency' },
    ],
    ['a failure', 500, '', { class: 'transient' }],
    ['no such service', 404, '', { class: 'misconfigured' }],
    ['another answer', 200, '{"credential":{"access":"a"}}', { class: 'malformed' }],
  ])('says %s', async (_name, status, body, error) => {
    server.respondWith((_seen, response) => response.writeHead(status).end(body));

    expect(await ask(own())).toMatchObject({ ok: false, error });
  });
});

describe('OIDC federation', () => {
  function own(): Authenticator {
    return authenticators.ofWorkload({ kind: 'oidc', identityProvider: 'cluster-a', tokenFile });
  }

  it('trades the service account token for a token of the project, and reads the file each time', async () => {
    let issued = 0;
    server.respondWith((_seen, response) => {
      issued += 1;
      answerJSON(response, 201, {}, { 'x-subject-token': `token-${issued}` });
    });
    const authenticator = own();
    await writeFile(tokenFile, 'jwt-1\n');
    const first = await ask(authenticator);
    await writeFile(tokenFile, 'jwt-2\n');
    const second = await ask(authenticator, 'project-2');

    expect([first, second]).toMatchObject([
      { headers: { 'X-Auth-Token': 'token-1' } },
      { headers: { 'X-Auth-Token': 'token-2' } },
    ]);
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      path: '/v3.0/OS-AUTH/id-token/tokens',
      headers: { 'x-idp-id': 'cluster-a' },
    });
    expect(server.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { auth: { id_token: { id: 'jwt-1' }, scope: { project: { id: 'project-1' } } } },
      { auth: { id_token: { id: 'jwt-2' }, scope: { project: { id: 'project-2' } } } },
    ]);
  });

  it.each([
    ['missing', undefined],
    ['empty', '\n'],
    ['too long', 'x'.repeat(20_000)],
    ['of several lines', 'a\nb'],
  ])('says that the file is %s, and names no content', async (_name, content) => {
    if (content !== undefined) await writeFile(tokenFile, content);

    expect(await ask(own())).toMatchObject({ ok: false, error: { class: 'misconfigured' } });
    expect(server.seen).toHaveLength(0);
  });

  it('works within a minute after the file was put right', async () => {
    server.respondWith((_seen, response) => answerJSON(response, 201, {}, { 'x-subject-token': 't' }));
    const authenticator = own();
    await ask(authenticator);
    await writeFile(tokenFile, 'jwt-1');
    await clock.advance(MINUTE);

    expect((await ask(authenticator)).ok).toBe(true);
  });
});

describe('CCE Pod Identity', () => {
  function own(): Authenticator {
    return authenticators.ofWorkload({ kind: 'podIdentity', uri: `${server.url}/v1/credentials`, tokenFile });
  }

  it('gives a temporary key for the token in the file', async () => {
    await writeFile(tokenFile, 'pod-token-1');
    server.respondWith((_seen, response) => {
      const expiration = new Date(clock.now() + 60 * MINUTE).toISOString();
      const credentials = {
        accessKeyId: 'access-1',
        secretAccessKey: 'secret-1',
        securityToken: 'security-1',
        expiration,
      };
      answerJSON(response, 200, { credentials, subject: { namespace: 'infra' } }, date());
    });

    expect(await ask(own())).toMatchObject({ ok: true, headers: { 'x-security-token': 'security-1' } });
    expect(server.seen).toMatchObject([
      { method: 'POST', path: '/v1/credentials', body: '{}', headers: { authorization: 'pod-token-1' } },
    ]);
  });

  it('shows nothing of the token when the answer repeats it', async () => {
    await writeFile(tokenFile, 'pod-token-1');
    server.respondWith((seen, response) =>
      answerJSON(response, 403, { message: `no: ${seen.headers['authorization']}` }),
    );

    expect(await ask(own())).toMatchObject({
      ok: false,
      error: { class: 'forbidden', message: 'CCE Pod Identity: no: *' },
    });
  });
});
