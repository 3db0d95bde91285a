import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Authenticators } from '../../../src/cloud/auth/authenticators.js';
import { JobClient } from '../../../src/cloud/client.js';
import { readCredentials } from '../../../src/cloud/credentials.js';
import { createHttp, type Http } from '../../../src/cloud/http.js';
import { failureOf, type Observation } from '../../../src/cloud/observation.js';
import { JobReader } from '../../../src/cloud/reader.js';
import { retryAfterMs } from '../../../src/reconcile/schedule.js';
import { FakeClock } from '../../support/fakeClock.js';
import { answerJSON, TestServer } from './server.js';

const SECOND = 1_000;
const PAGE_MS = 10 * SECOND;
const NEVER = new AbortController().signal;
const POLLING = { minSeconds: 2, maxSeconds: 60 };
const KEY = { accessKey: 'canary-access-key', secretKey: 'canary-secret-key' };
const PASSWORD = { username: 'reader', password: 'canary-password-01', domainName: 'OTC-1' };
const PAGE = '<html><head><title>Access denied</title></head></html>';

let clock: FakeClock;
let cloud: TestServer;
let http: Http;
let pageUntil: number;
let page: { status: number; body: string };

beforeEach(async () => {
  clock = new FakeClock();
  pageUntil = PAGE_MS;
  cloud = await new TestServer(({ path }, response) => {
    if (clock.monotonic() < pageUntil) response.writeHead(page.status).end(page.body);
    else if (path.startsWith('/v3/auth/')) answerJSON(response, 201, {}, { 'x-subject-token': 'good-token' });
    else answerJSON(response, 200, { kind: 'Job', status: { phase: 'Running' } });
  }).start();
  http = createHttp(clock);
});

afterEach(async () => {
  http.close();
  await cloud.stop();
});

interface Follower {
  readonly key: string;
  nextPollAt: number;
  failures: number;
  readonly seen: Observation[];
}

/** Six CloudJobs that one Secret is for, each polled as the reconciler would, until all of them are observed. */
async function follow(secret: Readonly<Record<string, string>>): Promise<readonly Follower[]> {
  const data = Object.entries(secret).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  const read = readCredentials(Object.fromEntries(data));
  if (!read.ok) throw new Error(read.message);
  const authenticator = new Authenticators(http, clock, () => 0).of(read.credentials, 'infra');
  const region = { name: 'lab', cce: cloud.url, iam: cloud.url };
  const woken = new Set<string>();
  const reader = new JobReader({
    client: new JobClient(http, clock),
    clock,
    random: () => 0,
    budget: { requestsPerSecond: 100, burst: 100 },
    freshMs: 2_000,
    wake: (key) => woken.add(key),
  });
  const followers = Array.from({ length: 6 }, (_, n) => {
    return { key: `job-${n}`, nextPollAt: 0, failures: 0, seen: [] as Observation[] };
  });
  const isObserved = ({ seen }: Follower): boolean => seen.at(-1)?.kind === 'job';
  while (!followers.every(isObserved) && clock.monotonic() < 600 * SECOND) {
    const due = ({ key, nextPollAt }: Follower): boolean => woken.has(key) || clock.monotonic() >= nextPollAt;
    for (const follower of followers.filter((one) => !isObserved(one) && due(one))) {
      const { key } = follower;
      woken.delete(key);
      const target = { region, projectID: 'project-1', jobID: key, authenticator };
      const observation = await reader.read(key, target, 'low', NEVER);
      if (observation.kind === 'nothing') continue;
      follower.seen.push(observation);
      follower.failures += 1;
      const { retry } = failureOf(observation) ?? {};
      const floor = observation.kind === 'error' ? observation.error.retryAfterMs : undefined;
      if (retry === undefined) continue;
      const waitMs = retryAfterMs(retry, follower.failures, floor, POLLING, 0.5);
      follower.nextPollAt = clock.monotonic() + waitMs;
    }
    await clock.advance(SECOND);
  }
  reader.close();
  return followers;
}

describe.each([
  [200, PAGE],
  [302, ''],
  [400, PAGE],
  [401, PAGE],
  [401, ''],
  [401, '{"message":"Unauthorized"}'],
  [401, '{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}'],
  [403, PAGE],
  [403, '{"error":{"code":"Forbidden","message":"blocked by policy"}}'],
  [404, PAGE],
  [407, PAGE],
  [418, PAGE],
])('ten seconds of %i with %j in place of the cloud', (status, body) => {
  it.each([
    ['a signing key', KEY],
    ['a password', PASSWORD],
  ])('hold %s back for one or two polls more', async (_, secret) => {
    page = { status, body };

    const followers = await follow(secret);

    expect(clock.monotonic()).toBeLessThanOrEqual(PAGE_MS + 10 * SECOND);
    for (const { seen } of followers) {
      const failed = seen.slice(0, -1);
      expect(failed.length).toBeGreaterThan(0);
      for (const observation of failed) {
        const { kind, message } = failureOf(observation) ?? {};
        expect(kind).toBe('unreachable');
        expect(message).toMatch(
          /^Something between the operator and the cloud answered; if it lasts, check /,
        );
        expect(message).not.toMatch(/renew|grant|credential/);
      }
    }
  });
});

describe('a page in place of the cloud', () => {
  it('does not have a token renewed that the cloud would take', async () => {
    page = { status: 401, body: PAGE };
    pageUntil = 0;
    const authenticators = new Authenticators(http, clock, () => 0);
    const data = Object.entries(PASSWORD).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    const read = readCredentials(Object.fromEntries(data));
    if (!read.ok) throw new Error(read.message);
    const authenticator = authenticators.of(read.credentials, 'infra');
    const region = { name: 'lab', cce: cloud.url, iam: cloud.url };
    const client = new JobClient(http, clock);
    const poll = () => client.read({ region, projectID: 'p', jobID: 'j', authenticator }, NEVER);
    await poll();
    await clock.advance(120 * SECOND);
    pageUntil = Infinity;

    expect(await poll()).toMatchObject({ kind: 'error', error: { class: 'transient', foreign: true } });
    expect(cloud.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('does not make wrong credentials good ones', async () => {
    page = { status: 418, body: PAGE };
    let rejected = 0;
    cloud.respondWith((_seen, response) => {
      if (rejected % 2 === 1) response.writeHead(page.status).end(page.body);
      else answerJSON(response, 401, { error_code: 'APIGW.0301', error_msg: 'verify aksk signature fail' });
      rejected += 1;
    });

    await follow(KEY);

    // The cloud locks a key after more than five failed signatures in a row.
    expect(cloud.seen.length).toBeLessThanOrEqual(2 * 5);
  });
});
