import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { Authenticators } from '../../../src/cloud/auth/authenticators.js';
import { JobClient } from '../../../src/cloud/client.js';
import { readCredentials } from '../../../src/cloud/credentials.js';
import type { WorkloadCredentialsOptions } from '../../../src/cloud/auth/workload.js';
import { createHttp, type Http } from '../../../src/cloud/http.js';
import { FAULTS, type FaultKind } from '../../../src/sandbox/cce/faults.js';
import { startCce } from '../../../src/sandbox/cce/server.js';
import { answerJSON, TestServer, type Seen } from './server.js';

const FAMILIES: Record<string, Record<string, string>> = {
  token: { token: 'CANARY-token-b1f4' },
  'access key': { accessKey: 'CANARYACCESSKEY01', secretKey: 'CANARY-secretkey-77c0' },
  'temporary access key': {
    accessKey: 'CANARYACCESSKEY02',
    secretKey: 'CANARY-secretkey-88d1',
    securityToken: 'CANARY-security-token-99e2',
  },
  password: {
    username: 'CANARY-username-3c',
    password: 'CANARY-password-0af3',
    domainName: 'CANARY-domain-9',
  },
};

let server: TestServer;
let http: Http;

beforeEach(async () => {
  server = await new TestServer((_seen, response) => response.end()).start();
  http = createHttp(systemClock);
});

afterEach(async () => {
  http.close();
  await server.stop();
});

/** Everything that a server could throw back of what it was sent. */
function echoOf({ headers, body }: Seen): string {
  return `${JSON.stringify(headers)} ${body}`.replaceAll('"', ' ');
}

const MISDEEDS: Record<
  string,
  (seen: Seen, answer: Parameters<ConstructorParameters<typeof TestServer>[0]>[1]) => void
> = {
  'an error that repeats the request': (seen, response) =>
    answerJSON(
      response,
      401,
      { error_code: 'APIGW.0301', error_msg: echoOf(seen) },
      { 'x-request-id': 'r-1' },
    ),
  'a text that repeats the request': (seen, response) => response.writeHead(500).end(echoOf(seen)),
  'a job that repeats the request': (seen, response) =>
    answerJSON(response, 200, { kind: 'Job', status: { phase: 'Failed', reason: echoOf(seen) } }),
  'a kind that repeats the request': (seen, response) => answerJSON(response, 200, { kind: echoOf(seen) }),
  'a broken connection': (_seen, response) => response.destroy(),
  'broken compression': (_seen, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
  'broken HTTP': (_seen, response) => response.socket?.end('no HTTP\r\n\r\n'),
};

describe('no secret is shown', () => {
  const cases = Object.keys(FAMILIES).flatMap((family) =>
    Object.keys(MISDEEDS).map((misdeed) => [family, misdeed]),
  );

  it.each(cases)('of a %s when the cloud answers with %s', async (family = '', misdeed = '') => {
    const data = FAMILIES[family] ?? {};
    const encoded = Object.entries(data).map(
      ([key, value]) => [key, Buffer.from(value).toString('base64')] as const,
    );
    const read = readCredentials(Object.fromEntries(encoded));
    if (!read.ok) throw new Error(read.message);
    const region = { name: 'lab', cce: server.url, iam: server.url };
    const targetOf = () => {
      const authenticator = new Authenticators(http, systemClock).of(read.credentials, 'infra');
      return { region, projectID: 'project-1', jobID: 'job-1', authenticator };
    };
    const poll = () => new JobClient(http, systemClock).read(targetOf(), new AbortController().signal);

    server.respondWith((seen, response) => MISDEEDS[misdeed]?.(seen, response));
    const first = await poll();
    server.respondWith((seen, response) =>
      seen.method === 'POST'
        ? answerJSON(response, 201, {}, { 'x-subject-token': 'CANARY-issued-token-5' })
        : MISDEEDS[misdeed]?.(seen, response),
    );
    const second = await poll();

    const all = [first, second, read, targetOf()];
    const shown = inspect(all, { depth: 12, showHidden: true }) + JSON.stringify(all);
    expect(shown).not.toMatch(/CANARY/);
  });
});

describe('nothing is shown of the credentials that the operator has of its own', () => {
  const PROJECT = 'project-1';
  const TOKEN = 'CANARY-own-token-6a';

  it.each<WorkloadCredentialsOptions['kind']>(['ecsMetadata', 'podIdentity', 'oidc'])(
    'from %s, with every fault where they are issued and where they are used',
    async (kind) => {
      const folder = await mkdtemp(join(tmpdir(), 'canary-'));
      const cce = await startCce({
        accounts: {
          projects: { lab: PROJECT },
          tokens: [],
          accessKeys: [],
          users: [],
          identityTokens: [{ idp: 'idp', token: TOKEN }],
          podIdentityTokens: [TOKEN],
        },
      });
      const tokenFile = join(folder, 'token');
      await writeFile(tokenFile, TOKEN);
      const sources: Record<typeof kind, WorkloadCredentialsOptions> = {
        ecsMetadata: { kind: 'ecsMetadata', endpoint: cce.url },
        podIdentity: { kind: 'podIdentity', uri: `${cce.url}/pod-identity/credentials`, tokenFile },
        oidc: { kind: 'oidc', identityProvider: 'idp', tokenFile },
      };
      cce.jobs.add({ projectID: PROJECT, frames: [{ at: 0, tree: { id: 'job-1', phase: 'Running' } }] });
      const region = { name: 'lab', cce: cce.url, iam: cce.url };
      const all: unknown[] = [];
      try {
        for (const fault of Object.keys(FAULTS) as FaultKind[]) {
          for (const on of ['iam', 'jobs'] as const) {
            cce.faults.add({ kind: fault, on, seconds: 0.01 });
            const authenticator = new Authenticators(http, systemClock).ofWorkload(sources[kind]);
            const target = { region, projectID: PROJECT, jobID: 'job-1', authenticator };
            const client = new JobClient(http, systemClock);
            all.push(target, await client.read(target, new AbortController().signal));
            cce.faults.clear();
          }
        }
      } finally {
        await cce.close();
        await rm(folder, { recursive: true });
      }

      const secrets = [TOKEN, ...cce.grants.issuedSecrets()];
      const shown = inspect(all, { depth: 12, showHidden: true }) + JSON.stringify(all);
      expect(secrets.length).toBeGreaterThan(Object.keys(FAULTS).length);
      expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
      expect(cce.counters.snapshot().byFault).toEqual(
        Object.fromEntries(Object.keys(FAULTS).map((fault) => [fault, expect.any(Number)])),
      );
    },
    60_000,
  );
});
