import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';
import { FAULTS, type FaultKind } from '../../src/sandbox/cce/faults.js';
import { startCce, type RunningCce } from '../../src/sandbox/cce/server.js';
import { startApi, type Api } from '../support/api.js';
import { KubeClient } from '../support/kubeClient.js';
import { OperatorProcess } from '../support/operatorProcess.js';
import { until } from '../support/until.js';

const CRD_FILE = fileURLToPath(new URL('../../crds/cloudjob.dev_cloudjobs.yaml', import.meta.url));
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CLOUDJOBS = '/apis/cloudjob.dev/v1alpha1';
const NAMESPACE = 'canary';
const PROJECT = 'p1';
const MARKS = {
  token: 'CANARY+token/b1f4==',
  accessKey: 'CANARYACCESSKEY01',
  secretKey: 'CANARY+secretkey/77c0',
  temporaryKey: 'CANARYACCESSKEY02',
  temporarySecret: 'CANARY+secretkey/88d1',
  securityToken: 'CANARY+security/99e2==',
  username: 'CANARY+username@3c',
  password: 'CANARY+password&0af3',
  domainName: 'CANARY+domain?9f',
  identityToken: 'CANARY+identity/4d2e==',
  wrongToken: 'CANARY+wrongtoken/5e3f==',
  wrongSecret: 'CANARY+wrongsecret/6f40',
} as const;

/** The Secret of each kind of credential; the operator's own have none. */
const SECRETS: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = {
  token: { token: MARKS.token },
  key: { accessKey: MARKS.accessKey, secretKey: MARKS.secretKey },
  'temporary-key': {
    accessKey: MARKS.temporaryKey,
    secretKey: MARKS.temporarySecret,
    securityToken: MARKS.securityToken,
  },
  password: { username: MARKS.username, password: MARKS.password, domainName: MARKS.domainName },
  'wrong-token': { token: MARKS.wrongToken },
  'wrong-key': { accessKey: MARKS.accessKey, secretKey: MARKS.wrongSecret },
  'mixed-up': { token: MARKS.token, secretKey: MARKS.secretKey },
  own: undefined,
};

/** A secret in every form in which it could be told. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ];
}

/** Which marks, by their names, are in the text in any form. */
function marksIn(text: string): string[] {
  return Object.entries(MARKS).flatMap(([name, mark]) =>
    formsOf(mark).some((form) => text.includes(form)) ? [name] : [],
  );
}

describe('marked secrets of every kind, with every fault on', () => {
  let home: string;
  let api: Api;
  let client: KubeClient;
  let cce: RunningCce;
  let operator: OperatorProcess;
  const kinds = Object.keys(FAULTS) as FaultKind[];

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'cloudjob-canary-'));
    api = await startApi(home);
    client = new KubeClient(api.kubeconfigFile);
    await client.post(CRDS, load(readFileSync(CRD_FILE, 'utf8')) as object);
    await until(
      'the CRD to be served',
      async () => (await client.get(`${CLOUDJOBS}/cloudjobs`)).status === 200,
    );
    await client.post('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE },
    });
    cce = await startCce({
      accounts: {
        projects: { lab: PROJECT },
        tokens: [{ token: MARKS.token }],
        accessKeys: [
          { accessKey: MARKS.accessKey, secretKey: MARKS.secretKey },
          {
            accessKey: MARKS.temporaryKey,
            secretKey: MARKS.temporarySecret,
            securityToken: MARKS.securityToken,
          },
        ],
        users: [{ username: MARKS.username, password: MARKS.password, domainName: MARKS.domainName }],
        identityTokens: [{ idp: 'idp', token: MARKS.identityToken }],
        podIdentityTokens: [],
      },
    });
    const tokenFile = join(home, 'identity-token');
    writeFileSync(tokenFile, MARKS.identityToken);
    const configFile = join(home, 'config.yaml');
    writeFileSync(
      configFile,
      dump({
        // One for each kind of fault, so that no breaker keeps others from theirs.
        regions: Object.fromEntries(kinds.map((kind) => [kind, { cce: cce.url, iam: cce.url }])),
        polling: { minSeconds: 1, maxSeconds: 1 },
        ownCredentials: {
          namespaces: [NAMESPACE],
          from: { kind: 'oidc', identityProvider: 'idp', tokenFile },
        },
      }),
    );
    operator = new OperatorProcess({
      configFile,
      kubeconfigFile: api.kubeconfigFile,
      namespaces: [NAMESPACE],
    });
    await operator.ready();
  }, 120_000);

  afterAll(async () => {
    await operator?.stop();
    await cce?.close();
    client?.close();
    await api?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('are in no log, event, status or metric', async () => {
    for (const [name, stringData] of Object.entries(SECRETS)) {
      if (stringData === undefined) continue;
      const data = Object.entries(stringData).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]);
      await client.post(`/api/v1/namespaces/${NAMESPACE}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name },
        data: Object.fromEntries(data),
      });
    }
    cce.faults.add({ kind: 'error-503', on: 'iam', every: 3, times: 5 });
    for (const kind of kinds) {
      for (const [credentials, data] of Object.entries(SECRETS)) {
        const jobID = `${kind}-${credentials}`;
        cce.jobs.add({ projectID: PROJECT, frames: [{ at: 0, tree: { id: jobID, phase: 'Running' } }] });
        cce.faults.add({ kind, jobID, seconds: 1 });
        await client.post(`${CLOUDJOBS}/namespaces/${NAMESPACE}/cloudjobs`, {
          apiVersion: 'cloudjob.dev/v1alpha1',
          kind: 'CloudJob',
          metadata: { name: jobID },
          spec: {
            jobID,
            projectID: PROJECT,
            region: kind,
            ...(data === undefined ? {} : { credentialsRef: { name: credentials } }),
          },
        });
      }
    }
    await until(
      'every fault to strike twice',
      () => {
        const { byFault } = cce.counters.snapshot();
        return kinds.every((kind) => (byFault[kind] ?? 0) >= 2);
      },
      90_000,
      () => JSON.stringify(cce.counters.snapshot().byFault),
    );
    const written = async (path: string) => JSON.stringify((await client.get(path)).body);
    const statuses = await until('every CloudJob to have a status', async () => {
      const text = await written(`${CLOUDJOBS}/namespaces/${NAMESPACE}/cloudjobs`);
      return text.split('"conditions"').length > kinds.length * Object.keys(SECRETS).length && text;
    });
    const events = await until(
      'events',
      async () => {
        const text = await written(`/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`);
        return text.includes('CredentialsRejected') && text;
      },
      60_000,
    );
    const metrics = await operator.http('/metrics');
    await operator.stop();

    expect({ statuses: marksIn(statuses), events: marksIn(events) }).toEqual({ statuses: [], events: [] });
    expect(metrics.text).toContain('cloudjob_');
    expect(marksIn(metrics.text)).toEqual([]);
    expect(operator.log.join('\n')).toContain('"level":"debug"');
    expect(operator.log.filter((line) => marksIn(line).length > 0)).toEqual([]);
  }, 240_000);

  it.each(Object.entries(MARKS))('would be found: %s', (name, mark) => {
    for (const form of formsOf(mark))
      expect(marksIn(`{"level":"debug","detail":"x ${form} y"}`)).toContain(name);
  });
});
