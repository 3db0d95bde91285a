import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import type { Authenticator } from '../../../src/cloud/auth/authenticator.js';
import { tokenAuthenticator } from '../../../src/cloud/auth/token.js';
import { JobClient, type Target } from '../../../src/cloud/client.js';
import { createHttp, type Http } from '../../../src/cloud/http.js';
import { SecretText } from '../../../src/cloud/secretText.js';
import { FakeClock } from '../../support/fakeClock.js';
import { answerJSON, TestServer } from './server.js';

const TOKEN = 'canary-token-0001';
const JOB = { kind: 'Job', metadata: { uid: 'job-1' }, status: { phase: 'Running' } };
const NEVER = new AbortController().signal;

let server: TestServer;
let http: Http;

beforeEach(async () => {
  server = await new TestServer((_seen, response) => answerJSON(response, 200, JOB)).start();
  http = createHttp(systemClock);
});

afterEach(async () => {
  http.close();
  await server.stop();
});

function target(change: Partial<Target> = {}): Target {
  return {
    region: { name: 'lab', cce: server.url, iam: server.url },
    projectID: 'project-1',
    jobID: 'job-1',
    authenticator: tokenAuthenticator({ fingerprint: 'f', token: new SecretText(TOKEN) }),
    ...change,
  };
}

function read(change: Partial<Target> = {}, signal = NEVER) {
  return new JobClient(http, systemClock).read(target(change), signal);
}

describe('a read of a job', () => {
  it('is one GET without a body and without a trailing slash', async () => {
    const observation = await read();

    expect(observation).toMatchObject({ kind: 'job', job: { id: 'job-1', phase: 'Running' } });
    expect(server.seen).toHaveLength(1);
    expect(server.seen[0]).toMatchObject({
      method: 'GET',
      path: '/api/v3/projects/project-1/jobs/job-1',
      headers: { 'x-auth-token': TOKEN, 'content-type': 'application/json', accept: 'application/json' },
      body: '',
    });
    expect(server.seen[0]?.headers['transfer-encoding']).toBeUndefined();
    expect(server.seen[0]?.headers['content-length']).toBeUndefined();
  });

  it('is for the service of Autopilot clusters where the job works on one', async () => {
    await read({ clusterType: 'Autopilot' });
    await read({ clusterType: 'Standard' });

    expect(server.seen.map(({ path }) => path)).toEqual([
      '/autopilot/v3/projects/project-1/jobs/job-1',
      '/api/v3/projects/project-1/jobs/job-1',
    ]);
  });

  it('reads the sub-jobs of a failed job that say nothing of the cause by themselves, three at most', async () => {
    const subJob = (uid: string, phase = 'Failed', more: object = {}) => ({
      kind: 'Job',
      metadata: { uid },
      spec: { type: 'CreateNode', ...more },
      status: { phase },
    });
    const jobs: Record<string, object> = {
      'job-1': {
        ...subJob('job-1', 'Failed', {
          subJobs: [
            subJob('a'),
            subJob('unknown'),
            subJob('good', 'Success'),
            { ...subJob('said'), status: { phase: 'Failed', reason: 'quota' } },
            subJob('parent', 'Failed', { subJobs: [subJob('c'), subJob('d')] }),
          ],
        }),
        status: { phase: 'Failed', reason: 'Something went wrong, resources recycled' },
      },
      a: subJob('a', 'Failed', {
        subJobs: [{ ...subJob('vm'), status: { phase: 'Failed', reason: 'sold out' } }],
      }),
      c: { ...subJob('c'), status: { phase: 'Failed', reason: 'no disk' } },
    };
    server.respondWith(({ path }, response) => {
      const job = jobs[path.split('/').at(-1) ?? ''];
      response.writeHead(job === undefined ? 404 : 200).end(JSON.stringify(job ?? { code: 404 }));
    });

    const answer = await read();

    expect(server.seen.map(({ path }) => path.split('/').at(-1))).toEqual(['job-1', 'a', 'unknown', 'c']);
    expect(answer).toMatchObject({
      kind: 'job',
      job: {
        reason: 'Something went wrong, resources recycled',
        subJobs: [
          { id: 'a', subJobs: [{ id: 'vm', reason: 'sold out' }] },
          { id: 'unknown', subJobs: [] },
          { id: 'good' },
          { id: 'said', reason: 'quota' },
          { id: 'parent', subJobs: [{ id: 'c', reason: 'no disk' }, { id: 'd' }] },
        ],
      },
    });
  });

  it('of a failed job makes no more calls than the budget allows, and reports what is known', async () => {
    const failedJob = {
      metadata: { uid: 'job-1' },
      spec: { subJobs: [{ metadata: { uid: 'a' }, status: { phase: 'Failed' } }] },
      status: { phase: 'Failed' },
    };
    server.respondWith((_, response) => response.end(JSON.stringify(failedJob)));
    let calls = 0;

    const answer = await new JobClient(http, systemClock).read(target(), NEVER, () => (calls += 1) === 1);

    expect(answer).toMatchObject({ kind: 'job', job: { phase: 'Failed', subJobs: [{ id: 'a' }] } });
    expect(server.seen).toHaveLength(1);
  });

  it('keeps a path that the endpoint has', async () => {
    await read({ region: { name: 'lab', cce: `${server.url}/gateway/`, iam: '' } });

    expect(server.seen[0]?.path).toBe('/gateway/api/v3/projects/project-1/jobs/job-1');
  });

  it.each([
    ['slashes', '../../admin', '..%2F..%2Fadmin'],
    ['a query', 'a?x=1#y', 'a%3Fx%3D1%23y'],
    ['percent signs', '%2e%2e%2fadmin', '%252e%252e%252fadmin'],
    ['a host', '//evil.example/x', '%2F%2Fevil.example%2Fx'],
    ['a user', '@evil.example', '%40evil.example'],
    ['line breaks', 'a\r\nX-Evil: 1', 'a%0D%0AX-Evil%3A%201'],
    ['backslashes and tabs', '..\\a\tb', '..%5Ca%09b'],
    ['other scripts', 'ｊｏｂ／', '%EF%BD%8A%EF%BD%8F%EF%BD%82%EF%BC%8F'],
  ])('keeps %s in an ID within their part of the path', async (_name, id, encoded) => {
    await read({ jobID: id });
    await read({ projectID: id });

    expect(server.seen.map(({ path }) => path)).toEqual([
      `/api/v3/projects/project-1/jobs/${encoded}`,
      `/api/v3/projects/${encoded}/jobs/job-1`,
    ]);
    expect(server.seen.every(({ headers }) => headers['x-evil'] === undefined)).toBe(true);
  });

  it.each(['', '.', '..', 'a\ud800'])('does not call at all for the ID %j', async (id) => {
    expect(await read({ jobID: id })).toMatchObject({ kind: 'error', error: { class: 'misconfigured' } });
    expect(await read({ projectID: id })).toMatchObject({ kind: 'error', error: { class: 'misconfigured' } });
    expect(server.seen).toHaveLength(0);
  });

  it.each([301, 302, 307, 308])('does not follow a redirect (%i)', async (status) => {
    const elsewhere = await new TestServer((_seen, response) => answerJSON(response, 200, JOB)).start();
    server.respondWith((_seen, response) =>
      response.writeHead(status, { location: `${elsewhere.url}/x` }).end(),
    );

    const observation = await read();

    expect(observation).toMatchObject({
      kind: 'error',
      error: { class: 'transient', foreign: true, status },
    });
    expect(elsewhere.seen).toHaveLength(0);
    await elsewhere.stop();
  });

  it.each([
    ['an HTML page', '<html>', /HTML page/],
    ['nothing', '', /empty/],
    ['truncated JSON', '{"kind":"Job","metadata":{"uid":"job-1"},"sta', /cut short/],
    ['an error', '{"error_code":"APIGW.0308","error_msg":"too fast."}', /^too fast$/],
    ['an error that says nothing', '{"error":{}}', /not a job: it is an error/],
    ['another kind', '{"kind":"Cluster"}', /not a job: its kind is "Cluster"/],
    ['another job', '{"kind":"Job","metadata":{"uid":"job-2"},"status":{"phase":"Success"}}', /another job/],
    ['a list', '[]', /not a job/],
  ])('calls it malformed when a 200 carries %s', async (_name, body, message) => {
    server.respondWith((_seen, response) => response.writeHead(200, { 'x-request-id': 'r-1' }).end(body));

    expect(await read()).toMatchObject({
      kind: 'error',
      error: { class: 'malformed', message: expect.stringMatching(message), requestID: 'r-1' },
    });
  });

  it('says what an error is and what to do about it, though it comes with 200', async () => {
    server.respondWith((_seen, response) =>
      response.end('{"error_code":"APIGW.0301","error_msg":"decrypt token fail","request_id":"r-1"}'),
    );

    expect(await read()).toMatchObject({
      error: {
        class: 'malformed',
        code: 'APIGW.0301',
        message: 'decrypt token fail',
        requestID: 'r-1',
        meaning: { problem: 'The cloud answered with success and an error in one' },
      },
    });
  });

  it('keeps the IDs of its project and its job in an error', async () => {
    const [projectID, jobID] = ['6ad7c1ba34f94ed78e0a8a2d1ab7c111', '4a9b1c2d-229a-11e8-9c75-0255ac100ceb'];
    const error_msg = `${jobID} is not of ${projectID}`;
    server.respondWith((_seen, response) =>
      answerJSON(response, 403, { error_code: 'APIG.0302', error_msg }),
    );

    expect(await read({ projectID, jobID })).toMatchObject({ error: { message: error_msg } });
  });

  it('reads a job behind a byte order mark, compressed, and with its ID in another case', async () => {
    const body = gzipSync(`\ufeff${JSON.stringify({ ...JOB, metadata: { uid: 'JOB-1' } })}`);
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(body),
    );

    expect(await read()).toMatchObject({ kind: 'job', job: { id: 'JOB-1' } });
  });

  it.each([
    ['too long', Buffer.alloc(1024 * 1024 + 1, 32), {}],
    ['too long once decompressed', gzipSync(Buffer.alloc(64 * 1024 * 1024)), { 'content-encoding': 'gzip' }],
  ])('gives up an answer that is %s', async (_name, body, headers) => {
    server.respondWith((_seen, response) => response.writeHead(200, headers).end(body));

    expect(await read()).toMatchObject({
      kind: 'error',
      error: { class: 'transient', message: 'the answer is too long' },
    });
  });

  it('reads a job of 2,000 sub-jobs, whatever they say of themselves', async () => {
    const subJob = {
      ...JOB,
      apiVersion: 'v3',
      spec: {
        type: 'InstallNode',
        clusterUID: 'c'.repeat(36),
        resourceID: 'r'.repeat(36),
        resourceName: 'node',
      },
      status: { phase: 'Failed', reason: 'The node cannot be reached. '.repeat(7) },
    };
    const spec = { type: 'ScaleupCluster', subJobs: Array.from({ length: 2_000 }, () => subJob) };
    server.respondWith((_seen, response) => response.end(JSON.stringify({ ...JOB, spec })));

    const { job } = (await read()) as { job?: { subJobs: unknown[] } };

    expect(job?.subJobs).toHaveLength(2_000);
  });

  it.each([
    ['objects', `{"kind":"Job","spec":{"subJobs":[${'{},'.repeat(340_000)}{}]}}`],
    ['lists in lists', `{"kind":"Job","spec":${'['.repeat(500_000)}${']'.repeat(500_000)}}`],
    ['numbers', `{"kind":"Job","spec":[${'1,'.repeat(500_000)}1]}`],
  ])('makes nothing of an answer with hundreds of thousands of %s', async (_, body) => {
    server.respondWith((_seen, response) => response.end(body));

    expect(await read()).toMatchObject({
      error: { class: 'malformed', message: 'the answer has more than 100000 values' },
    });
  });

  it.each([
    ['no headers', () => undefined],
    ['no end', (response: { write(text: string): unknown }) => response.write('{"kind":')],
  ])('waits for an answer with %s until its deadline only', async (_name, respond) => {
    const clock = new FakeClock();
    const impatient = createHttp(clock, { timeoutMs: 5000 });
    server.respondWith((_seen, response) => respond(response));

    const observation = new JobClient(impatient, clock).read(target(), NEVER);
    await server.arrivals(1);
    await clock.advance(5000);

    expect(await observation).toMatchObject({
      kind: 'error',
      error: { class: 'transient', message: 'no complete answer in time' },
    });
    expect(clock.pending).toBe(0);
    impatient.close();
  });

  it('ends when its signal aborts', async () => {
    server.respondWith(() => undefined);
    const controller = new AbortController();

    const observation = read({}, controller.signal);
    await server.arrivals(1);
    controller.abort();

    expect(await observation).toMatchObject({ kind: 'error', error: { class: 'transient' } });
  });

  it('is transient when the connection breaks in the middle of an answer', async () => {
    server.respondWith((_seen, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"kind":"Job"', () => response.destroy());
    });

    expect(await read()).toMatchObject({ kind: 'error', error: { class: 'transient' } });
  });

  it('is transient when nobody listens, and says so', async () => {
    const nobody = target();
    await server.stop();

    const observation = await new JobClient(http, systemClock).read(nobody, NEVER);

    expect(observation).toEqual({
      kind: 'error',
      error: { class: 'transient', message: 'the connection was refused (ECONNREFUSED)' },
    });
    await server.start();
  });

  it('calls once more when a kept connection turns out to be closed', async () => {
    let requests = 0;
    server.respondWith((_seen, response, request) => {
      requests += 1;
      if (requests === 2) request.socket.destroy();
      else answerJSON(response, 200, JOB);
    });

    await read();
    const second = await read();

    expect(second.kind).toBe('job');
    expect(requests).toBe(3);
  });

  it('does not call again when a new connection breaks', async () => {
    server.respondWith((_seen, _response, request) => request.socket.destroy());

    const observation = await read();

    expect(observation).toMatchObject({ kind: 'error', error: { class: 'transient' } });
    expect(server.seen).toHaveLength(1);
  });

  it('uses one connection for reads in a row', async () => {
    const ports = new Set<number | undefined>();
    server.respondWith((_seen, response, request) => {
      ports.add(request.socket.remotePort);
      answerJSON(response, 200, JOB);
    });

    for (let poll = 0; poll < 5; poll += 1) await read();

    expect(ports.size).toBe(1);
  });

  it('takes no proxy from the environment', async () => {
    const proxy = await new TestServer((_seen, response) => answerJSON(response, 200, JOB)).start();
    process.env['http_proxy'] = proxy.url;

    await read();

    delete process.env['http_proxy'];
    expect(proxy.seen).toHaveLength(0);
    expect(server.seen).toHaveLength(1);
    await proxy.stop();
  });

  it('calls once more, with other headers, when a renewable credential is rejected', async () => {
    const authenticator = renewable();
    server.respondWith((seen, response) =>
      seen.headers['x-auth-token'] === 'token-2'
        ? answerJSON(response, 200, JOB)
        : answerJSON(response, 401, { error_code: 'APIG.0307', error_msg: 'The token must be updated' }),
    );

    expect((await read({ authenticator })).kind).toBe('job');
    expect(server.seen).toHaveLength(2);
  });

  it('does not call a third time', async () => {
    server.respondWith((_seen, response) =>
      answerJSON(response, 401, { error_code: 'APIG.0307', error_msg: 'x' }),
    );

    expect(await read({ authenticator: renewable() })).toMatchObject({
      kind: 'error',
      error: { class: 'unauthorized' },
    });
    expect(server.seen).toHaveLength(2);
  });

  it('reports that IAM failed when a rejected credential cannot be renewed', async () => {
    const down = { class: 'transient', message: 'IAM: HTTP 503', status: 503, retryAfterMs: 1000 } as const;
    const authenticator = renewable();
    let asked = 0;
    server.respondWith((_seen, response) => answerJSON(response, 401, { error_code: 'APIG.0307' }));

    const observation = await read({
      authenticator: {
        ...authenticator,
        headers: (request, signal) =>
          ++asked === 1
            ? authenticator.headers(request, signal)
            : Promise.resolve({ ok: false, error: down }),
      },
    });

    expect(observation).toEqual({ kind: 'error', error: { ...down, local: true } });
  });

  it('does not blame the cloud for its own budget', async () => {
    server.respondWith((_seen, response) => answerJSON(response, 401, { error_code: 'APIG.0307' }));
    let may = true;
    const mayCall = (): boolean => {
      const answer = may;
      may = false;
      return answer;
    };

    const observation = await new JobClient(http, systemClock).read(
      target({ authenticator: renewable() }),
      NEVER,
      mayCall,
    );

    expect(observation).toMatchObject({ error: { class: 'transient', local: true } });
    expect(server.seen).toHaveLength(1);
  });

  it('shows no secret that the cloud repeats', async () => {
    const echo = { error_msg: `bad token ${TOKEN} here`, error_code: 'APIG.0301', request_id: TOKEN };
    server.respondWith((_seen, response) => answerJSON(response, 401, echo, { 'x-request-id': TOKEN }));
    const rejected = await read();
    server.respondWith((_seen, response) =>
      answerJSON(response, 200, { ...JOB, status: { phase: 'Failed', reason: TOKEN } }),
    );
    const failed = await read();

    expect(JSON.stringify([rejected, failed])).not.toContain(TOKEN);
  });

  it('lets no token add a header', async () => {
    const token = new SecretText(`${TOKEN}\r\nX-Evil: 1`);

    await read({ authenticator: tokenAuthenticator({ fingerprint: 'f', token }) });

    expect(server.seen.some(({ headers }) => 'x-evil' in headers)).toBe(false);
  });
});

function renewable(): Authenticator {
  let issued = 0;
  return {
    fingerprint: 'f',
    signs: false,
    headers() {
      issued += 1;
      return Promise.resolve({
        ok: true,
        headers: { 'X-Auth-Token': `token-${issued}` },
        secrets: [],
        rejected: () => true,
      });
    },
  };
}

describe('the list of the jobs of a project', () => {
  const list = () => new JobClient(http, systemClock).list(target(), NEVER);

  it('is one GET of the v2 API', async () => {
    server.respondWith((_seen, response) => answerJSON(response, 200, [JOB, { metadata: {} }]));

    expect(await list()).toEqual({ kind: 'list', entries: [JOB, { metadata: {} }] });
    expect(server.seen).toMatchObject([
      {
        method: 'GET',
        path: '/api/v2/projects/project-1/jobs',
        headers: { 'x-auth-token': TOKEN },
        body: '',
      },
    ]);
  });

  it.each(['', '{}', '{"jobs":[]}', 'null', '[{"metadata":', '<html></html>'])('is not %j', async (body) => {
    server.respondWith((_seen, response) => response.writeHead(200).end(body));

    expect(await list()).toMatchObject({ kind: 'error', error: { class: 'malformed' } });
  });

  it('is not taken in when it is too long, compressed or not', async () => {
    const jobs = JSON.stringify(Array.from({ length: 1_000 }, () => JOB));
    http.close();
    http = createHttp(systemClock, { maxBodyBytes: 10_000 });
    server.respondWith((_seen, response) => response.writeHead(200).end(jobs));
    const plain = await list();
    server.respondWith((_seen, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(jobs)),
    );
    const zipped = await list();

    for (const answer of [plain, zipped]) {
      expect(answer).toMatchObject({ kind: 'error', error: { message: 'the answer is too long' } });
    }
  });

  it.each([
    [403, 'CCE.01403001', 'forbidden'],
    [404, 'APIGW.0101', 'misconfigured'],
    [405, 'APIGW.0501', 'misconfigured'],
    [429, 'APIGW.0308', 'throttled'],
    [503, 'APIGW.0613', 'transient'],
  ])('is answered with %i where there is none', async (status, code, errorClass) => {
    server.respondWith((_seen, response) => answerJSON(response, status, { error_code: code }));

    expect(await list()).toMatchObject({ kind: 'error', error: { class: errorClass, status } });
  });
});
