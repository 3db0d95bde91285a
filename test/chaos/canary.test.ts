import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';
import { POD_IDENTITY_ENV } from '../../src/cloud/auth/workload.js';
import { FAULTS, type FaultKind } from '../../src/sandbox/cce/faults.js';
import { startCce, type RunningCce } from '../../src/sandbox/cce/server.js';
import { startApi, type Api } from '../support/api.js';
import { KubeClient } from '../support/kubeClient.js';
import { OperatorProcess, type OperatorOptions } from '../support/operatorProcess.js';
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
  podToken: 'CANARY+podtoken/7a11==',
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

/** A secret in every form in which it could be shown. */
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
function marksIn(text: string, marks: Readonly<Record<string, string>> = MARKS): string[] {
  return Object.entries(marks).flatMap(([name, mark]) =>
    formsOf(mark).some((form) => text.includes(form)) ? [name] : [],
  );
}

/** `NODE_OPTIONS` with which what is meant for the metadata service of an ECS, whose address is fixed, goes to `url`. */
function asOnECS(url: string): string {
  const { hostname, port } = new URL(url);
  const code = `import { Socket } from 'node:net';
    const { connect } = Socket.prototype;
    Socket.prototype.connect = function (...given) {
      const [options] = Array.isArray(given[0]) ? given[0] : given;
      if (options?.host === '169.254.169.254') Object.assign(options, { host: '${hostname}', port: ${port} });
      return connect.apply(this, given);
    };`;
  return `--import data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
}

type Logs = Pick<OperatorOptions, 'logFormat' | 'logLevel' | 'env'>;

describe('marked secrets of every kind, with every fault on', () => {
  let home: string;
  let api: Api;
  let client: KubeClient;
  let cce: RunningCce;
  /** By where they have credentials of their own from; all of them follow the same CloudJobs. */
  const operators = new Map<string, OperatorProcess>();
  const kinds = Object.keys(FAULTS) as FaultKind[];

  async function createNamespace(name: string): Promise<void> {
    await client.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'cloudjob-canary-'));
    api = await startApi(home);
    client = new KubeClient(api.kubeconfigFile);
    await client.post(CRDS, load(readFileSync(CRD_FILE, 'utf8')) as object);
    await until(
      'the CRD to be served',
      async () => (await client.get(`${CLOUDJOBS}/cloudjobs`)).status === 200,
    );
    await createNamespace(NAMESPACE);
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
        podIdentityTokens: [MARKS.podToken],
      },
    });
    const fileOf = (name: string, content: string): string => {
      const path = join(home, name);
      writeFileSync(path, content);
      return path;
    };
    const start = async (
      from: Readonly<Record<string, string>> & { kind: string },
      logs: Logs,
    ): Promise<void> => {
      // A Lease each: they are not replicas of each other.
      const leaseNamespace = `lease-of-${from.kind.toLowerCase()}`;
      await createNamespace(leaseNamespace);
      const config = {
        // One for each kind of fault, so that no breaker keeps others from theirs.
        regions: Object.fromEntries(kinds.map((kind) => [kind, { cce: cce.url, iam: cce.url }])),
        polling: { minSeconds: 5, maxSeconds: 5 },
        ownCredentials: { namespaces: [NAMESPACE], from },
      };
      const configFile = fileOf(`${from.kind}.yaml`, dump(config));
      const kubeconfig = load(readFileSync(api.kubeconfigFile, 'utf8')) as {
        readonly contexts: { readonly context: { namespace?: string } }[];
      };
      for (const { context } of kubeconfig.contexts) context.namespace = leaseNamespace;
      const kubeconfigFile = fileOf(`${from.kind}.kubeconfig`, dump(kubeconfig));
      const options = { configFile, kubeconfigFile, namespaces: [NAMESPACE], ...logs };
      operators.set(from.kind, new OperatorProcess(options));
    };
    await start(
      { kind: 'oidc', identityProvider: 'idp', tokenFile: fileOf('identity-token', MARKS.identityToken) },
      { logFormat: 'json', logLevel: 'debug' },
    );
    await start(
      { kind: 'ecsMetadata' },
      { logFormat: 'pretty', logLevel: 'debug', env: { NODE_OPTIONS: asOnECS(cce.url) } },
    );
    await start(
      { kind: 'podIdentity' },
      {
        logFormat: 'json',
        logLevel: 'info',
        env: {
          [POD_IDENTITY_ENV.uri]: `${cce.url}/pod-identity/credentials`,
          [POD_IDENTITY_ENV.tokenFile]: fileOf('pod-token', MARKS.podToken),
        },
      },
    );
    for (const operator of operators.values()) await operator.working();
  }, 120_000);

  afterAll(async () => {
    for (const operator of operators.values()) await operator.stop();
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
    const metrics = await until(
      'every operator to have polled in every region',
      async () => {
        const texts = [];
        for (const operator of operators.values()) texts.push((await operator.http('/metrics')).text);
        return texts.every((text) => kinds.every((kind) => text.includes(`region="${kind}"`))) && texts;
      },
      60_000,
    );
    const issued = Object.fromEntries(
      await until(
        'every place to have issued something',
        () => {
          const secrets = cce.grants.issuedSecrets();
          // The password makes a token in each operator, OIDC one; metadata and Pod Identity a key of three parts each.
          return secrets.length >= 10 && secrets.map((secret, n) => [`issued ${n}`, secret] as const);
        },
        60_000,
        () => `issued: ${cce.grants.issuedSecrets().length}`,
      ),
    );
    for (const operator of operators.values()) await operator.stop();

    const marks = { ...MARKS, ...issued };
    const shown = { statuses, events, metrics: metrics.join('\n') };
    for (const [where, text] of Object.entries(shown))
      expect([where, marksIn(text, marks)]).toEqual([where, []]);
    expect(shown.metrics).toContain('cloudjob_');
    for (const [from, { log }] of operators) {
      expect([from, log.length > kinds.length]).toEqual([from, true]);
      expect(log.filter((line) => marksIn(line, marks).length > 0)).toEqual([]);
    }
    expect(operators.get('oidc')?.log.join('\n')).toContain('"level":"debug"');
    expect(operators.get('ecsMetadata')?.log.join('\n')).toContain(' DEBUG ');
  }, 240_000);

  it.each(Object.entries(MARKS))('would be found: %s', (name, mark) => {
    for (const form of formsOf(mark))
      expect(marksIn(`{"level":"debug","detail":"x ${form} y"}`)).toContain(name);
  });
});
