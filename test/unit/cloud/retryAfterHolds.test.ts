import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { tokenAuthenticator } from '../../../src/cloud/auth/token.js';
import { JobClient, type Target } from '../../../src/cloud/client.js';
import { createHttp, type Http } from '../../../src/cloud/http.js';
import { JobReader } from '../../../src/cloud/reader.js';
import { SecretText } from '../../../src/cloud/secretText.js';
import { FakeClock } from '../../support/fakeClock.js';
import { answerJSON, TestServer } from './server.js';

const NEVER = new AbortController().signal;
const NOW = Date.parse('2026-01-01T00:00:00Z');

let server: TestServer;
let http: Http;
let clock: FakeClock;

beforeEach(async () => {
  server = await new TestServer((_seen, response) => answerJSON(response, 200, {})).start();
  clock = new FakeClock(NOW);
  http = createHttp(clock);
});

afterEach(async () => {
  http.close();
  await server.stop();
});

function target(jobID: string): Target {
  return {
    region: { name: 'lab', cce: server.url, iam: server.url },
    projectID: 'project-1',
    jobID,
    authenticator: tokenAuthenticator({ fingerprint: 'f', token: new SecretText('canary-token-0001') }),
  };
}

describe('Retry-After holds back all jobs of the project, whatever its form', () => {
  it.each([
    ['seconds', 429, '57', 57_000],
    ['seconds with a fraction', 429, '56.818', 56_818],
    ['a date', 429, 'Thu, 01 Jan 2026 00:01:30 GMT', 90_000],
    ['seconds of a server that is overloaded', 503, '40', 40_000],
  ])('%s', async (_, status, value, ms) => {
    const woken: string[] = [];
    const reader = new JobReader({
      client: new JobClient(http, clock),
      clock,
      random: () => 0,
      budget: { requestsPerSecond: 10, burst: 20 },
      freshMs: 1,
      wake: (key) => woken.push(key),
    });
    const date = new Date(NOW).toUTCString();
    server.respondWith((_seen, response) =>
      answerJSON(response, status, { error_code: 'APIGW.0308' }, { 'retry-after': value, date }),
    );

    await reader.read('a', target('job-1'), 'low', NEVER);
    const other = await reader.read('b', target('job-2'), 'high', NEVER);
    await clock.advance(ms - 1);
    const early = [...woken];
    await clock.advance(1000);

    expect(other).toEqual({ kind: 'nothing' });
    expect(early).toEqual([]);
    expect(woken).toEqual(['b']);
    expect(server.seen).toHaveLength(1);
    reader.close();
  });
});
