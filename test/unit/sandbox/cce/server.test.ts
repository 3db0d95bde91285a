import { createHash, createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SANDBOX_PROJECT_ID } from '../../../../src/sandbox/cce/accounts.js';
import { FAULTS } from '../../../../src/sandbox/cce/faults.js';
import type { FaultKind } from '../../../../src/sandbox/cce/faults.js';
import { startCce } from '../../../../src/sandbox/cce/server.js';
import type { RunningCce } from '../../../../src/sandbox/cce/server.js';
import { FakeClock } from '../../../support/fakeClock.js';

const JOB_ID = '354331b2c-229a-11e8-9c75-0255ac100ceb';
const SUB_ID = 'fd474fab-9606-11e8-baa9-0255ac10215d';
const JOB_PATH = `/api/v3/projects/${SANDBOX_PROJECT_ID}/jobs/${JOB_ID}`;
const WITH_TOKEN = { 'X-Auth-Token': 'sandbox-token' };
const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

let clock: FakeClock;
let cce: RunningCce;

beforeEach(async () => {
  clock = new FakeClock('2026-01-01T00:00:00Z');
  cce = await startCce({ clock });
  cce.jobs.add({
    projectID: SANDBOX_PROJECT_ID,
    frames: [
      { at: 0, tree: { id: JOB_ID, type: 'CreateCluster', phase: 'Initializing' } },
      {
        at: 10,
        tree: {
          id: JOB_ID,
          type: 'CreateCluster',
          clusterUID: 'cluster',
          phase: 'Running',
          reason: '',
          subJobs: [{ id: SUB_ID, type: 'InstallMaster', phase: 'Running', extendParam: { serverID: 's' } }],
        },
      },
      { at: 20, tree: { id: JOB_ID, type: 'CreateCluster', phase: 'Success' } },
    ],
  });
});

afterEach(async () => {
  await cce.close();
});

async function get(path = JOB_PATH, headers: Record<string, string> = WITH_TOKEN) {
  const response = await fetch(`${cce.url}${path}`, { headers, redirect: 'manual' });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}, method = 'POST') {
  const init = { method, headers, body: JSON.stringify(body) };
  const response = await fetch(`${cce.url}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

/** Signs a GET of the job with the access key, host and date alone. */
function signed(
  secretKey: string,
  date = '20260101T000000Z',
  more: Record<string, string> = {},
  accessKey = 'SANDBOXACCESSKEY',
): Record<string, string> {
  const headers: Record<string, string> = { host: new URL(cce.url).host, 'x-sdk-date': date, ...more };
  const names = Object.keys(headers).toSorted();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = `GET\n${JOB_PATH}/\n\n${lines}\n${names.join(';')}\n${EMPTY_HASH}`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  const signature = createHmac('sha256', secretKey)
    .update(`SDK-HMAC-SHA256\n${date}\n${digest}`)
    .digest('hex');
  return {
    ...headers,
    Authorization: `SDK-HMAC-SHA256 Access=${accessKey}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

describe('the job API', () => {
  it('plays a job by its clock', async () => {
    const seen = [];
    for (const seconds of [0, 10, 10]) {
      await clock.advance(seconds * 1000);
      seen.push((await get()).body);
    }

    expect(seen).toMatchObject([
      { metadata: { uid: JOB_ID }, status: { phase: 'Initializing' } },
      {
        kind: 'Job',
        apiVersion: 'v3',
        spec: {
          type: 'CreateCluster',
          clusterUID: 'cluster',
          subJobs: [{ spec: { extendParam: { serverID: 's' } } }],
        },
        status: { phase: 'Running', reason: '' },
      },
      { status: { phase: 'Success' } },
    ]);
    expect(seen[0]).toHaveProperty(
      'metadata.creationTimestamp',
      expect.stringMatching(/^2026-01-01 00:00:00(\.\d+)? \+0000 UTC$/),
    );
  });

  it('answers a sub-job to its own ID', async () => {
    await clock.advance(10_000);

    const { body } = await get(`/api/v3/projects/${SANDBOX_PROJECT_ID}/jobs/${SUB_ID}`);

    expect(body).toMatchObject({ metadata: { uid: SUB_ID }, spec: { type: 'InstallMaster' } });
  });

  it('serves the v2 form, one and all', async () => {
    await clock.advance(20_000);

    const one = await get(`/api/v2/projects/${SANDBOX_PROJECT_ID}/jobs/${JOB_ID}`);
    const all = await get(`/api/v2/projects/${SANDBOX_PROJECT_ID}/jobs`);

    expect(one.body).toMatchObject({ apiVersion: 'v2', status: { status: 'Success' } });
    expect(one.body).toHaveProperty('status.completionTime', expect.stringMatching(/UTC$/));
    expect(all.body).toEqual([one.body]);
  });

  it('serves the jobs of Autopilot clusters at their own path alone', async () => {
    const path = `v3/projects/${SANDBOX_PROJECT_ID}/jobs`;
    cce.jobs.add({
      projectID: SANDBOX_PROJECT_ID,
      clusterType: 'Autopilot',
      frames: [{ at: 0, tree: { id: 'on-autopilot', phase: 'Running' } }],
    });

    expect(await get(`/autopilot/${path}/on-autopilot`)).toMatchObject({
      status: 200,
      body: { metadata: { uid: 'on-autopilot' }, status: { phase: 'Running' } },
    });
    expect(await get(`/api/${path}/on-autopilot`)).toMatchObject({ status: 404 });
    expect(await get(`/autopilot/${path}/${JOB_ID}`)).toMatchObject({
      status: 404,
      body: { errorCode: 'CCE.01404001' },
    });
  });

  it('has no list if it is to be an older version, and the jobs all the same', async () => {
    await cce.close();
    cce = await startCce({ clock, listsJobs: false });
    const path = `/api/v2/projects/${SANDBOX_PROJECT_ID}/jobs`;

    expect(await get(path)).toMatchObject({ status: 404, body: { error_code: 'APIGW.0101' } });
    expect(await get(`${path}/${JOB_ID}`)).toMatchObject({
      status: 404,
      body: { errorCode: 'CCE.01404001' },
    });
  });

  it('does not know a job of that name: 404 of CCE, in its mixed form', async () => {
    const { status, body } = await get(`/api/v3/projects/${SANDBOX_PROJECT_ID}/jobs/no-such-job`);

    expect(status).toBe(404);
    expect(body).toMatchObject({
      kind: 'Status',
      code: 404,
      errorCode: 'CCE.01404001',
      errorMessage: 'Resource not found.',
      message: 'jobs "no-such-job" not found',
    });
  });

  it.each([
    `${JOB_PATH}/`,
    '/',
    '/api/v3/projects/p/jobs',
    '/api/v3/projects/p/clusters/c',
    '/api/v3/projects/%E0/jobs/a',
  ])('has no API at %s: 404 of the gateway', async (path) => {
    const { status, body, headers } = await get(path);

    expect(status).toBe(404);
    expect(body).toEqual({
      error_code: 'APIGW.0101',
      error_msg: 'The API does not exist or has not been published in the environment',
      request_id: headers.get('x-request-id'),
    });
  });

  it('serves 404s while a script says that the job is gone', async () => {
    cce.jobs.add({
      projectID: SANDBOX_PROJECT_ID,
      frames: [
        { at: 0, tree: { id: JOB_ID, phase: 'Running' } },
        { at: 5, tree: null },
      ],
    });

    const before = await get();
    await clock.advance(5000);
    const after = await get();

    expect([before.status, after.status]).toEqual([200, 404]);
  });
});

describe('tokens', () => {
  it.each([
    [{ 'X-Auth-Token': 'sandbox-token' }, 200],
    [{ Authorization: 'Bearer sandbox-token' }, 200],
    [{ 'X-Auth-Token': 'wrong' }, 401],
    [{}, 401],
  ])('%j gets %i', async (headers, status) => {
    expect((await get(JOB_PATH, headers as Record<string, string>)).status).toBe(status);
  });

  it('are issued for a password, scoped to a project, and expire', async () => {
    const issued = await post('/v3/auth/tokens?nocatalog=true', passwordBody('sandbox-password'));
    const headers = { 'X-Auth-Token': issued.headers.get('x-subject-token') ?? '' };

    const good = await get(JOB_PATH, headers);
    const elsewhere = await get(`/api/v3/projects/other/jobs/${JOB_ID}`, headers);
    await clock.advance(24 * 3600 * 1000);
    const expired = await get(JOB_PATH, headers);

    expect(issued.status).toBe(201);
    expect(issued.body).toMatchObject({
      token: {
        methods: ['password'],
        expires_at: '2026-01-02T00:00:00.000000Z',
        project: { id: SANDBOX_PROJECT_ID, name: 'lab' },
      },
    });
    expect(good.status).toBe(200);
    expect(elsewhere).toMatchObject({ status: 403, body: { errorCode: 'CCE.01403001' } });
    expect(expired).toMatchObject({
      status: 401,
      body: { error_code: 'APIGW.0307', error_msg: 'The token must be updated' },
    });
  });

  it('are not issued for a wrong password', async () => {
    const { status, body } = await post('/v3/auth/tokens', passwordBody('wrong'));

    expect(status).toBe(401);
    expect(body).toMatchObject({ error: { code: 401, title: 'Unauthorized' } });
  });

  it('are issued for an identity token, and end when they are revoked', async () => {
    const auth = { id_token: { id: 'sandbox-identity-token' }, scope: { project: { name: 'lab' } } };
    const issued = await post('/v3.0/OS-AUTH/id-token/tokens', { auth }, { 'X-Idp-Id': 'sandbox-idp' });
    const headers = { 'X-Auth-Token': issued.headers.get('x-subject-token') ?? '' };

    const before = await get(JOB_PATH, headers);
    const revoked = await post('/_sandbox/revoke', undefined);
    const after = await get(JOB_PATH, headers);

    expect(revoked.body).toEqual({ revoked: 1 });
    expect([before.status, after.status]).toEqual([200, 401]);
  });
});

function passwordBody(password: string): unknown {
  const user = { name: 'sandbox', password, domain: { name: 'sandbox-domain' } };
  return {
    auth: {
      identity: { methods: ['password'], password: { user } },
      scope: { project: { id: SANDBOX_PROJECT_ID } },
    },
  };
}

describe('signatures', () => {
  it('are accepted within a quarter of an hour', async () => {
    const good = await get(JOB_PATH, signed('sandbox-secret-key', '20251231T234500Z'));
    const late = await get(JOB_PATH, signed('sandbox-secret-key', '20251231T234459Z'));

    expect(good.status).toBe(200);
    expect(late).toMatchObject({
      status: 401,
      body: {
        error_code: 'APIGW.0301',
        error_msg:
          'Incorrect IAM authentication information: calc aksk signature fail:signature expired, signature time:20251231T234459Z,server time:20260101T000000Z',
      },
    });
  });

  it('that do not match show what the cloud would have signed', async () => {
    const { status, text } = await get(JOB_PATH, signed('wrong'));

    expect(status).toBe(401);
    expect(text).toContain(`verify aksk signature fail, canonicalRequest:GET|${JOB_PATH}/||host:127.0.0.1`);
  });

  it('lock the key for five minutes after more than five failures in a row', async () => {
    for (let failure = 0; failure < 5; failure += 1) await get(JOB_PATH, signed('wrong'));
    const stillGood = await get(JOB_PATH, signed('sandbox-secret-key'));
    for (let failure = 0; failure < 6; failure += 1) await get(JOB_PATH, signed('wrong'));
    const locked = await get(JOB_PATH, signed('sandbox-secret-key'));
    await clock.advance(5 * 60_000);
    const unlocked = await get(JOB_PATH, signed('sandbox-secret-key'));

    expect(stillGood.status).toBe(200);
    expect(locked).toMatchObject({
      status: 401,
      body: { error_msg: 'AK access failed to reach the limit,forbidden.', error_code: 'APIGW.0301' },
    });
    expect(unlocked.status).toBe(200);
  });

  it('of temporary keys need their security token', async () => {
    const session = await fetch(`${cce.url}/meta-data/latest/api/token`, {
      method: 'PUT',
      headers: { 'X-Metadata-Token-Ttl-Seconds': '21600' },
    });
    const key = await get('/openstack/latest/securitykey', { 'X-Metadata-Token': await session.text() });
    const { credential } = key.body as {
      credential: { access: string; secret: string; securitytoken: string };
    };
    const more = { 'x-security-token': credential.securitytoken };

    const good = await get(JOB_PATH, signed(credential.secret, '20260101T000000Z', more, credential.access));
    const without = await get(JOB_PATH, signed(credential.secret, '20260101T000000Z', {}, credential.access));

    expect(key.body).toHaveProperty('credential.expires_at', '2026-01-01T01:00:00.000000Z');
    expect([good.status, without.status]).toEqual([200, 401]);
  });

  it('of pods work with the keys of Pod Identity', async () => {
    const granted = await post('/pod-identity/credentials', {}, { Authorization: 'sandbox-pod-token' });
    const { credentials } = granted.body as {
      credentials: { accessKeyId: string; secretAccessKey: string; securityToken: string };
    };
    const more = { 'x-security-token': credentials.securityToken };

    const { status } = await get(
      JOB_PATH,
      signed(credentials.secretAccessKey, '20260101T000000Z', more, credentials.accessKeyId),
    );

    expect(status).toBe(200);
  });

  it('do not cover a body that came along', async () => {
    const headers = signed('sandbox-secret-key');
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const raw = `GET ${JOB_PATH} HTTP/1.1\r\n${lines.join('')}Content-Length: 2\r\nConnection: close\r\n\r\n{}`;

    const answer = await sendRaw(raw);

    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });
});

function sendRaw(raw: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(cce.url).port), '127.0.0.1', () => socket.write(raw));
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

describe('faults', () => {
  it.each<[FaultKind, number, RegExp]>([
    ['throttle', 429, /APIGW\.0308/],
    ['error-500', 500, /CCE\.01500001/],
    ['error-502', 502, /Backend unavailable/],
    ['error-503', 503, /APIGW\.0613/],
    ['error-504', 504, /Backend timeout/],
    ['html-502', 502, /^<html>/],
    ['html-200', 200, /^<html>/],
    ['unauthorized', 401, /APIGW\.0301/],
    ['token-expired', 401, /APIGW\.0307/],
    ['key-locked', 401, /AK access failed to reach the limit,forbidden\./],
    ['forbidden', 403, /CCE\.01403001/],
    ['no-such-api', 404, /APIGW\.0101/],
    ['no-such-job', 404, /CCE\.01404001/],
    ['gone-after-success', 404, /CCE\.01404001/],
    ['redirect', 302, /^$/],
    ['empty-body', 200, /^$/],
    ['truncated-json', 200, /^\{"kind":"Job"(?!.*\}\}$)/],
    ['unknown-phase', 200, /"phase":"Hibernating"/],
    ['phase-backwards', 200, /"phase":"Running"/],
    ['wrong-id', 200, /00000000-229a-11e8-9c75-0255ac100000/],
  ])('%s answers %i', async (kind, status, text) => {
    await clock.advance(20_000);
    cce.faults.add({ kind, times: 1 });

    const bad = await get();
    const good = await get();

    expect(bad.status).toBe(status);
    expect(bad.text).toMatch(text);
    expect(good.body).toMatchObject({ metadata: { uid: JOB_ID }, status: { phase: 'Success' } });
    expect(cce.counters.snapshot().byFault).toEqual({ [kind]: 1 });
  });

  it.each<FaultKind>(['reset-before-headers', 'reset-after-headers'])(
    '%s breaks the connection',
    async (kind) => {
      cce.faults.add({ kind, times: 1 });

      await expect(get()).rejects.toThrow();

      expect((await get()).status).toBe(200);
    },
  );

  it('oversized-body never seems to end', async () => {
    cce.faults.add({ kind: 'oversized-body' });
    const response = await fetch(`${cce.url}${JOB_PATH}`, { headers: WITH_TOKEN });
    let size = 0;

    for await (const chunk of response.body!) {
      size += (chunk as Uint8Array).length;
      if (size > 16 * 1024 * 1024) break;
    }

    expect(size).toBeGreaterThan(16 * 1024 * 1024);
  });

  it('slow-headers and slow-body answer when the time has come', async () => {
    cce.faults.add({ kind: 'slow-headers', seconds: 30, times: 1 });
    cce.faults.add({ kind: 'slow-body', seconds: 30, after: 1, times: 1 });

    for (const _ of ['headers', 'body']) {
      const answer = get();
      while (clock.pending === 0) await new Promise((resolve) => void setImmediate(resolve));
      await clock.advance(30_000);
      expect((await answer).status).toBe(200);
    }
  });

  it('redirects lead to a path that counts who follows', async () => {
    cce.faults.add({ kind: 'redirect' });

    const { headers } = await get();
    await fetch(headers.get('location') ?? '');

    expect(cce.counters.snapshot().byArea).toEqual({ jobs: 1, iam: 0, elsewhere: 1 });
  });
});

describe('the admin API', () => {
  it('adds jobs, made-up ones too, lists and removes them', async () => {
    const frames = [{ at: 0, tree: { id: 'mine', phase: 'Running' } }];
    await post('/_sandbox/jobs', { projectID: SANDBOX_PROJECT_ID, frames });
    const random = await post('/_sandbox/jobs/random', { projectID: SANDBOX_PROJECT_ID, seed: 4 });
    const removed = await post('/_sandbox/jobs/mine', undefined, {}, 'DELETE');
    const { id } = random.body as { id: string };

    const { body } = await get('/_sandbox/jobs', {});

    expect(removed.status).toBe(200);
    expect((body as { metadata: { uid: string } }[]).map((job) => job.metadata.uid)).toEqual([JOB_ID, id]);
  });

  it('moves the clock', async () => {
    const { body } = await post('/_sandbox/clock', { advanceSeconds: 20, skewSeconds: -60 });

    expect(body).toEqual({
      jobs: '2026-01-01T00:00:20.000Z',
      wall: '2025-12-31T23:59:00.000Z',
      speed: 1,
      skewSeconds: -60,
    });
    expect((await get()).body).toMatchObject({ status: { phase: 'Success' } });
  });

  it('sets faults and limits, and counts what came of them', async () => {
    await post('/_sandbox/faults', { kind: 'error-500', times: 1 });
    await post('/_sandbox/rate-limit', { limit: 1, windowSeconds: 60, retryAfter: 'int' }, {}, 'PUT');

    const statuses = [(await get()).status, (await get()).status, (await get()).status];

    expect(statuses).toEqual([500, 200, 429]);
    expect((await get('/_sandbox/counters', {})).body).toMatchObject({
      total: 3,
      byClass: { transient: 1, ok: 1, throttled: 1 },
      byFault: { 'error-500': 1 },
      byJob: { [JOB_ID]: 3 },
      peakPerSecond: 3,
    });
  });

  it.each([
    ['POST', 'faults', { kind: 'earthquake' }, 400],
    ['POST', 'jobs', { projectID: 'p', frames: [] }, 400],
    ['POST', 'jobs', { projectID: 'p', frames: [{ at: 0, tree: null }] }, 400],
    ['POST', 'nothing', {}, 404],
    ['DELETE', 'jobs/unknown', undefined, 404],
  ])('answers %s %s %j with %i and says why', async (method, path, body, status) => {
    const answer = await post(`/_sandbox/${path}`, body, {}, method);

    expect(answer.status).toBe(status);
    expect(answer.body).toHaveProperty('error', expect.stringMatching(/\w/));
  });

  it('explains itself', async () => {
    const { text } = await get('/_sandbox/', {});

    for (const kind of Object.keys(FAULTS)) expect(text).toContain(kind);
  });
});
