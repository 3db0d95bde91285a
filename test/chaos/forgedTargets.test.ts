import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readCloudJob, type CloudJob, type CloudJobStatus } from '../../src/api/cloudjob.js';
import { Authenticators } from '../../src/cloud/auth/authenticators.js';
import { readCredentials } from '../../src/cloud/credentials.js';
import { JobClient } from '../../src/cloud/client.js';
import { createHttp, type Http } from '../../src/cloud/http.js';
import { JobReader } from '../../src/cloud/reader.js';
import { Regions } from '../../src/cloud/regions.js';
import { systemClock } from '../../src/clock.js';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { SecretCache } from '../../src/reconcile/secretCache.js';
import { cloudJob, CREATED, JOB_ID } from '../support/cloudJobs.js';
import { Decoy, HOSTILE_SHAPES, hostileLocations, hostileTexts } from '../support/hostileValues.js';
import { jobBody } from '../support/jobs.js';
import { UNRECORDED } from '../support/unrecorded.js';
import { answerJSON, TestServer } from '../unit/cloud/server.js';

const ID = '[A-Za-z0-9_-]{1,64}';
const GOOD_PATH = new RegExp(`^(/api/v3/projects/${ID}/jobs/${ID}|/v3/auth/tokens\\?nocatalog=true)$`);
const SECRET_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const GOOD_SPEC = { jobID: JOB_ID, projectID: 'p1', region: 'lab', credentialsRef: { name: 'cce' } };
const FAMILIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  token: { token: 'a-good-token' },
  accessKey: { accessKey: 'ACCESSKEY', secretKey: 'secret' },
  password: { username: 'user', password: 'password', domainName: 'domain' },
};

describe('on an API server that stores anything, the operator', () => {
  let cloud: TestServer;
  let decoy: Decoy;
  let http: Http;
  beforeAll(async () => {
    cloud = await new TestServer((_, response) => void response.end()).start();
    decoy = await new Decoy().start();
    http = createHttp(systemClock, { timeoutMs: 5_000 });
  });
  afterAll(async () => {
    http.close();
    await cloud.stop();
    await decoy.stop();
  });

  /** One pass over a CloudJob with that spec and Secret, by an operator of its own; the status that it wrote. */
  async function pass(
    spec: Readonly<Record<string, unknown>>,
    secret: Readonly<Record<string, string>>,
  ): Promise<CloudJobStatus> {
    const object: CloudJob = {
      ...readCloudJob({ metadata: { ...cloudJob().metadata, labels: {}, annotations: {} }, spec }),
      metadata: { ...cloudJob().metadata, creationTimestamp: new Date(CREATED).toISOString() },
    };
    let written: CloudJobStatus = {};
    const { signal } = new AbortController();
    const secrets = {
      read: (_namespace: string, name: string) => {
        expect(name).toMatch(SECRET_NAME);
        const data = Object.entries(secret).map(([key, value]) => [
          key,
          Buffer.from(value).toString('base64'),
        ]);
        return Promise.resolve({ kind: 'found', read: readCredentials(Object.fromEntries(data)) } as const);
      },
    };
    const reader = new JobReader({
      client: new JobClient(http, systemClock),
      clock: systemClock,
      random: () => 0.5,
      budget: { requestsPerSecond: 1000, burst: 1000 },
      freshMs: 0,
      wake: () => undefined,
    });
    const reconciler = new Reconciler({
      store: {
        get: () => object,
        writeStatus: (_, status) => {
          written = status;
          return Promise.resolve({ ...object, status });
        },
        adoptPhase: () => Promise.resolve(object),
        delete: () => Promise.resolve(),
      },
      secrets: new SecretCache(secrets, systemClock, signal),
      reader,
      transitions: UNRECORDED,
      onAlteration: () => undefined,
      clock: systemClock,
      random: () => 0.5,
      clouds: {
        regions: new Regions({ lab: { cce: cloud.url, iam: cloud.url } }),
        defaultRegion: undefined,
        authenticators: new Authenticators(http, systemClock),
      },
      polling: { minSeconds: 2, maxSeconds: 60 },
    });
    await reconciler.reconcile('infra/scale-up', { priority: 'high', signal });
    reader.close();
    return written;
  }

  function answerWell(): void {
    cloud.seen.length = 0;
    cloud.respondWith(({ method }, response) =>
      method === 'POST'
        ? answerJSON(response, 201, {}, { 'x-subject-token': 'issued' })
        : answerJSON(response, 200, jobBody({ uid: JOB_ID, phase: 'Running' })),
    );
  }

  /** Every request was one of its own kind, to the host of the catalogue. */
  function expectNoneForged(): void {
    expect(decoy.connections).toBe(0);
    const host = new URL(cloud.url).host;
    for (const { path, headers } of cloud.seen) {
      expect(path).toMatch(GOOD_PATH);
      expect(headers.host).toBe(host);
    }
  }

  it('asks when nothing is wrong: the decoy would be found, were it named by the catalogue', async () => {
    answerWell();
    for (const secret of Object.values(FAMILIES)) {
      expect((await pass(GOOD_SPEC, secret)).phase).toBe('Running');
    }
    expectNoneForged();
    expect(cloud.seen).toHaveLength(4);

    const { host } = new URL((await fetch(`http://${decoy.host}/`)).url);
    expect(host).toBe(decoy.host);
    expect(decoy.connections).toBe(1);
    decoy.connections = 0;
  });

  it.each(['region', 'projectID', 'jobID'])('calls nobody else whatever spec.%s says', async (field) => {
    answerWell();
    for (const value of [...hostileTexts(decoy.host), ...HOSTILE_SHAPES]) {
      for (const secret of Object.values(FAMILIES)) await pass({ ...GOOD_SPEC, [field]: value }, secret);
    }

    expectNoneForged();
  });

  it('reads no Secret of another name or place whatever spec.credentialsRef says', async () => {
    answerWell();
    for (const value of [...hostileTexts(decoy.host), ...HOSTILE_SHAPES]) {
      await pass({ ...GOOD_SPEC, credentialsRef: { name: value } }, { token: 'a-good-token' });
      await pass({ ...GOOD_SPEC, credentialsRef: value }, { token: 'a-good-token' });
    }

    expectNoneForged();
  });

  it.each(['region', 'projectID', 'token', 'accessKey', 'securityToken', 'username', 'domainName'])(
    "calls nobody else whatever the Secret's key %s says",
    async (key) => {
      answerWell();
      const { region: _, projectID: __, ...spec } = GOOD_SPEC;
      const families = Object.values(FAMILIES).filter(
        (family) => key in family || !['token', 'accessKey', 'username', 'domainName'].includes(key),
      );
      for (const value of hostileTexts(decoy.host)) {
        for (const family of families) {
          await pass(spec, { region: 'lab', projectID: 'p1', ...family, [key]: value });
        }
      }

      expectNoneForged();
    },
  );

  it('takes no address out of a Secret, whatever its key is called', async () => {
    answerWell();
    const { region: _, ...spec } = GOOD_SPEC;
    for (const key of ['cce', 'iam', 'endpoint', 'host', 'url', 'authURL', 'HTTP_PROXY', 'Host']) {
      const status = await pass(spec, {
        token: 'a-good-token',
        region: 'lab',
        [key]: `http://${decoy.host}`,
      });
      expect(status.phase).toBe('Running');
    }

    expectNoneForged();
  });

  it.each([301, 302, 303, 307, 308])('does not go where a redirect (%i) leads', async (code) => {
    answerWell();
    for (const location of hostileLocations(decoy.host)) {
      cloud.respondWith(
        (_, response) => void response.writeHead(code, { location: encodeURI(location) }).end(),
      );
      for (const secret of Object.values(FAMILIES)) {
        expect((await pass(GOOD_SPEC, secret)).phase).toBeUndefined();
      }
    }

    expectNoneForged();
  });
});
