import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { readError } from '../../../src/cloud/errors.js';
import { TunnelError } from '../../../src/connecting.js';
import { localError } from '../../../src/kube/errors.js';
import { shardOf } from '../../../src/kube/shardPlan.js';
import { systemNetwork, type Network } from '../../../src/plugin/doctor/network.js';
import { runPlugin } from '../../../src/plugin/run.js';
import { parseProxy } from '../../../src/proxy.js';
import { stepLines } from '../../../src/plugin/view/steps.js';
import { makePaint } from '../../../src/terminal/paint.js';
import { after, cloudJob, failed, job, JOB_ID, read } from '../../support/cloudJobs.js';
import { ConnectProxy } from '../../support/connectProxy.js';
import { base64, CANARY, DoctorWorld, forbidden, named } from './doctorWorld.js';
import { NOW } from './support.js';

const JOB = '/apis/cloudjob.dev/v1alpha1/namespaces/infra/cloudjobs/scale-up';
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cloudjobs.cloudjob.dev';
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/cloudjob-system/leases/cloudjob-operator';
const SECRET = '/api/v1/namespaces/infra/secrets/cce';
const SELF = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const OTHER = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

function coded(code: string): Error {
  return Object.assign(new Error('no'), { code });
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

describe('the doctor', () => {
  it('finds nothing where all is well, and shows each check that may take seconds before it begins', async () => {
    const world = new DoctorWorld();
    const steps = await world.steps();

    expect(world.begun).toEqual([
      'API server',
      'CloudJob CRD',
      'your rights',
      'operator',
      "operator's rights",
      'DNS',
      'TLS',
      'clock',
      'credentials',
    ]);
    expect(steps.map(({ name, kind }) => `${name}: ${kind}`)).toEqual([
      'API server: ok',
      'CloudJob CRD: ok',
      'your rights: ok',
      'CloudJob: ok',
      'operator: ok',
      "operator's rights: ok",
      "operator's notice: ok",
      'Secret: ok',
      'region: ok',
      'DNS: ok',
      'TLS: ok',
      'clock: ok',
      'credentials: ok',
      'job: ok',
      'status: ok',
    ]);
  });

  it.each<[string, (world: DoctorWorld) => void, string, RegExp, RegExp]>([
    [
      'an API server that is away',
      (world) => (world.api['/version'] = localError('ConnectionFailed', 'refused')),
      'API server',
      /refused/,
      /check the kubeconfig's server/,
    ],
    [
      'no CRD',
      (world) => delete world.api['/apis/cloudjob.dev'],
      'CloudJob CRD',
      /does not know/,
      /^apply crds/,
    ],
    [
      'another version of the CRD',
      (world) => (world.api['/apis/cloudjob.dev'] = { versions: [{ version: 'v2' }] }),
      'CloudJob CRD',
      /serves CloudJobs as v2, and not as v1alpha1/,
      /^apply crds/,
    ],
    [
      'an old CRD',
      (world) => {
        const crd = JSON.parse(JSON.stringify(world.api[CRD]));
        delete crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.suspend;
        world.api[CRD] = crd;
      },
      'CloudJob CRD',
      /lacks spec\.suspend$/,
      /^apply crds/,
    ],
    [
      'no right to read',
      (world) => (world.api[SELF] = { status: { allowed: false } }),
      'your rights',
      /may not get cloudjobs, list cloudjobs, watch cloudjobs in namespace infra/,
      /role view/,
    ],
    [
      'no CloudJob',
      (world) => delete world.api[JOB],
      'CloudJob',
      /infra\/scale-up does not exist/,
      /check the name/,
    ],
    [
      'a spec that cannot be read',
      (world) => (world.cloudJob = { ...cloudJob(), spec: { jobID: 'a b' } }),
      'CloudJob',
      /spec\.jobID: must be 1 to 64/,
      /correct it/,
    ],
    [
      'a Lease that nobody renews',
      (world) => (world.api[LEASE] = named({ spec: { holderIdentity: 'gone', renewTime: 'then' } })),
      'operator',
      /nobody renews Lease cloudjob-system\/cloudjob-operator/,
      /kubectl -n cloudjob-system get pods/,
    ],
    [
      'an operator without rights',
      (world) => (world.api[OTHER] = { status: { allowed: false } }),
      "operator's rights",
      /cloudjob-system:cloudjob-operator may not .*update cloudjobs\/status, patch cloudjobs\/status, get secrets "cce"/,
      /bind its roles/,
    ],
    [
      'an operator that does not watch there',
      (world) => (world.cloudJob = cloudJob()),
      "operator's notice",
      /has not seen .*generation 1, seen none/,
      /--namespace flags/,
    ],
    ['no Secret', (world) => delete world.api[SECRET], 'Secret', /infra\/cce does not exist/, /create it/],
    [
      'a Secret that is for something else',
      (world) => (world.api[SECRET] = named({ type: 'kubernetes.io/tls', data: { token: base64('t') } })),
      'Secret',
      /infra\/cce has the type "kubernetes.io\/tls", which holds no cloud credentials/,
      /put the cloud credentials into a Secret of type Opaque/,
    ],
    [
      'wrong keys in the Secret',
      (world) => (world.api[SECRET] = named({ data: { password: base64(CANARY), ak: base64(CANARY) } })),
      'Secret',
      /lacks username and domainName/,
      /correct the keys/,
    ],
    [
      'a host without an address',
      (world) => (world.network = { ...world.network, resolve: () => Promise.reject(coded('ENOTFOUND')) }),
      'DNS',
      /cce\.eu-de\.otc\.t-systems\.com has no address here \(ENOTFOUND\)/,
      /check DNS/,
    ],
    [
      'a silent DNS server',
      (world) => (world.network = { ...world.network, resolve: never }),
      'DNS',
      /ETIMEDOUT/,
      /check DNS/,
    ],
    [
      'a certificate that has expired',
      (world) =>
        (world.network = { ...world.network, handshake: () => Promise.reject(coded('CERT_HAS_EXPIRED')) }),
      'TLS',
      /no TLS connection to cce\.eu-de\.otc\.t-systems\.com from here \(CERT_HAS_EXPIRED\)/,
      /renew its certificate/,
    ],
    [
      'a private authority',
      (world) =>
        (world.network = {
          ...world.network,
          handshake: () => Promise.reject(coded('SELF_SIGNED_CERT_IN_CHAIN')),
        }),
      'TLS',
      /SELF_SIGNED/,
      /NODE_EXTRA_CA_CERTS/,
    ],
    [
      'a clock that is off',
      (world) => (world.cloudTime = NOW + 3_600_000),
      'clock',
      /3\d\d\d s behind the cloud's/,
      /synchronise it/,
    ],
    [
      'rejected credentials',
      (world) => world.cloudSays({ class: 'unauthorized', code: 'APIGW.0301', message: 'no' }),
      'credentials',
      /rejects the credentials \(APIGW\.0301: no\)/,
      /renew them/,
    ],
    [
      'credentials without the permission',
      (world) => world.cloudSays({ class: 'forbidden', message: 'no', requestID: 'r-1' }),
      'credentials',
      /may not read the job \(no; request ID r-1\)$/,
      /cce:job:get/,
    ],
    [
      'another service at the endpoint',
      (world) => world.cloudSays({ class: 'misconfigured', message: 'no' }),
      'credentials',
      /does not answer as the job API/,
      /spec\.projectID/,
    ],
    [
      'an account that the cloud has restricted',
      (world) => world.cloudSays(readError(403, {}, '{"errorCode":"CCE.01403002"}', 0)),
      'credentials',
      /^the cloud has restricted the account \(CCE\.01403002: /,
      /bills/,
    ],
    [
      'a page of something in between',
      (world) => world.cloudSays(readError(403, {}, '<html>', 0)),
      'credentials',
      /^something between here and the cloud answered \(HTTP 403 Forbidden with an HTML page\)$/,
      /proxies/,
    ],
    [
      'an unknown job',
      (world) =>
        world.cloudSays({ class: 'notFound', code: 'CCE.01404001', message: 'no', requestID: 'r-2' }),
      'job',
      /does not know job .* \(CCE\.01404001: no; request ID r-2\)$/,
      /check spec\.jobID/,
    ],
    [
      'a failed job',
      (world) => {
        world.observation = { kind: 'job', job: job('Failed', { reason: 'no luck' }) };
        world.cloudJob = after(cloudJob(), read('Failed', { reason: 'no luck' }));
      },
      'job',
      /CreateNode has failed: no luck/,
      /create a CloudJob for the new job ID/,
    ],
    [
      'an operator that cannot reach the cloud, while this machine can',
      (world) =>
        (world.cloudJob = after(cloudJob(), failed('transient', 'no route'), 10, { unobservedMs: 900_000 })),
      'status',
      /^CloudUnavailable: .*no route/,
      /network policies/,
    ],
    [
      'credentials that the operator found rejected, and that may have been renewed since',
      (world) => (world.cloudJob = after(cloudJob(), failed('unauthorized', 'no such key'))),
      'status',
      /^CredentialsRejected: .*no such key/,
      /or at once: kubectl -n infra annotate cjob\/\S+ cloudjob\.dev\/requestedAt=/,
    ],
    [
      'a suspended CloudJob',
      (world) => (world.cloudJob = after(cloudJob({ suspend: true }), { kind: 'nothing' })),
      'status',
      /is suspended/,
      /set spec\.suspend to false/,
    ],
    [
      'no credentials in the spec, and none of the operator',
      (world) => {
        const finding = { kind: 'noCredentials', reason: 'CredentialsRequired', message: 'none' } as const;
        world.cloudJob = after(cloudJob({ credentialsRef: undefined }), finding);
      },
      'Secret',
      /no credentials of its own for namespace infra/,
      /spec\.credentialsRef/,
    ],
  ])('ends at %s', async (_, breakIt, name, detail, remedy) => {
    const world = new DoctorWorld();
    breakIt(world);

    const steps = await world.steps();

    expect(steps.at(-1)).toEqual({
      name,
      kind: 'wrong',
      detail: expect.stringMatching(detail),
      remedy: expect.stringMatching(remedy),
    });
    expect(steps.slice(0, -1).every(({ kind }) => kind === 'ok')).toBe(true);
    expect(JSON.stringify(steps)).not.toContain(CANARY);
  });

  it.each<[string, (world: DoctorWorld) => void, string, RegExp]>([
    [
      'its own schema may not be read',
      (world) => (world.api[CRD] = forbidden()),
      'CloudJob CRD',
      /may not read its schema/,
    ],
    [
      'rights are not reviewed',
      (world) => (world.api[SELF] = forbidden()),
      'your rights',
      /does not review rights/,
    ],
    ['the Lease may not be read', (world) => (world.api[LEASE] = forbidden()), 'operator', /you may not/],
    [
      'there is no Lease',
      (world) => delete world.api[LEASE],
      'operator',
      /there is no Lease .*: no operator has run there/,
    ],
    [
      "the operator's rights may not be reviewed",
      (world) => (world.api[OTHER] = forbidden()),
      "operator's rights",
      /may not review/,
    ],
    [
      'the Secret may not be read',
      (world) => (world.api[SECRET] = forbidden()),
      'Secret',
      /you may not read infra\/cce/,
    ],
    [
      'the region is not built in',
      (world) => (world.cloudJob = after(cloudJob({ region: 'lab' }), read('Running'))),
      'region',
      /"lab" is not a built-in one; .*--config/,
    ],
    [
      'the cloud does not send its time',
      (world) => (world.cloudTime = undefined),
      'clock',
      /does not send its time/,
    ],
    [
      'the cloud is throttling',
      (world) => world.cloudSays({ class: 'throttled', message: 'slow down' }),
      'credentials',
      /no usable answer just now \(slow down\)/,
    ],
  ])('goes on when %s', async (_, change, name, detail) => {
    const world = new DoctorWorld();
    change(world);

    const steps = await world.steps();

    expect(steps.find((step) => step.name === name)).toMatchObject({ detail: expect.stringMatching(detail) });
    expect(steps.at(-1)).toMatchObject({ name: 'status', kind: 'ok' });
  });

  it('finds the Lease of the shard where operators share the work, and no older ones', async () => {
    const world = new DoctorWorld();
    const shard = `${LEASE}-shard-${shardOf(JOB_ID, 3)}-of-3`;
    world.api[shard] = world.api[LEASE];
    world.api[LEASE] = named({ spec: { holderIdentity: 'gone', renewTime: 'then' } });

    const steps = await world.steps();

    expect(steps.find(({ name }) => name === 'operator')).toMatchObject({
      kind: 'ok',
      detail: expect.stringMatching(/^pod-1 renews Lease cloudjob-system\/cloudjob-operator-shard-\d-of-3$/),
    });
  });

  it('finds the Lease of an operator for this namespace alone', async () => {
    const world = new DoctorWorld();
    world.api[`${LEASE}.infra`] = world.api[LEASE];
    delete world.api[LEASE];

    const steps = await world.steps();

    expect(steps.find(({ name }) => name === 'operator')).toMatchObject({
      kind: 'ok',
      detail: 'pod-1 renews Lease cloudjob-system/cloudjob-operator.infra',
    });
  });

  describe('behind a proxy', () => {
    const proxy = parseProxy('http://user:canary-password@proxy.test:3128', 'HTTPS_PROXY');

    function proxied(change: Partial<Network> = {}): DoctorWorld {
      const world = new DoctorWorld();
      world.network = { ...world.network, proxyFor: () => proxy, ...change };
      return world;
    }

    it('says which one, and needs an address of that alone', async () => {
      const world = proxied();

      const steps = await world.steps();

      expect(steps.find(({ name }) => name === 'proxy')).toEqual({
        name: 'proxy',
        kind: 'ok',
        detail: expect.stringMatching(
          /^http:\/\/proxy\.test:3128 is used from here for cce\.eu-de\.otc\.t-systems\.com /,
        ),
      });
      expect(world.asked.slice(0, 2)).toEqual(['proxy.test', 'cce.eu-de.otc.t-systems.com:443']);
      expect(steps.at(-1)).toMatchObject({ name: 'status', kind: 'ok' });
      expect(JSON.stringify(steps)).not.toContain('canary');
    });

    it.each<[string, Partial<Network>, string, RegExp, RegExp]>([
      [
        'without an address',
        { resolve: () => Promise.reject(coded('ENOTFOUND')) },
        'DNS',
        /^the proxy proxy\.test has no address here \(ENOTFOUND\)/,
        /HTTPS_PROXY/,
      ],
      [
        'that refuses',
        { handshake: () => Promise.reject(new TunnelError('the proxy http://proxy.test:3128 answers 407')) },
        'TLS',
        /^no TLS connection to cce\.\S+ from here: the proxy http:\/\/proxy\.test:3128 answers 407/,
        /correct HTTPS_PROXY or NO_PROXY, here and in the operator's Deployment/,
      ],
    ])('%s ends there', async (_, change, name, detail, remedy) => {
      expect((await proxied(change).steps()).at(-1)).toEqual({
        name,
        kind: 'wrong',
        detail: expect.stringMatching(detail),
        remedy: expect.stringMatching(remedy),
      });
    });

    it('shakes hands with the server through its tunnel', async () => {
      const tunnel = await ConnectProxy.start(1);
      tunnel.treat = { status: 403 };
      const network = systemNetwork(() => parseProxy(tunnel.url, 'HTTPS_PROXY'));

      const shaken = network.handshake(new URL('https://cce.test/'), new AbortController().signal);

      await expect(shaken).rejects.toThrow(`${tunnel.url} answers 403 to CONNECT cce.test:443`);
      await tunnel.stop();
    });
  });

  it("knows a wrong region when it has the operator's config", async () => {
    const world = new DoctorWorld();
    world.cloudJob = after(cloudJob({ region: 'lab' }), read('Running'));

    expect((await world.steps(true)).at(-1)).toMatchObject({ name: 'region', kind: 'wrong' });
  });

  it('calls only the hosts of the catalogue; IAM only for a password', async () => {
    const withToken = new DoctorWorld();
    const withPassword = new DoctorWorld();
    withPassword.api[SECRET] = named({
      data: { username: base64('u'), password: base64(CANARY), domainName: base64('d') },
    });

    await withToken.steps();
    await withPassword.steps();

    const cce = 'cce.eu-de.otc.t-systems.com';
    const iam = 'iam.eu-de.otc.t-systems.com';
    expect(withToken.asked).toEqual([cce, `${cce}:443`, `https://${cce}`, `https://${cce}`]);
    expect(withPassword.asked).toEqual([
      cce,
      iam,
      `${cce}:443`,
      `${iam}:443`,
      `https://${cce}`,
      `https://${cce}`,
    ]);
  });
});

describe('what the doctor says', () => {
  it('is a line for each step, and the remedy below one that is wrong', () => {
    const plain = makePaint(false);

    expect([
      ...stepLines({ name: 'CloudJob', kind: 'ok', detail: 'it is there' }, 40, plain),
      ...stepLines({ name: 'operator', kind: 'cannotTell', detail: 'you may not read its Lease' }, 40, plain),
      ...stepLines(
        {
          name: 'Secret',
          kind: 'wrong',
          detail: 'it lacks secretKey',
          remedy: 'correct the keys of the Secret',
        },
        40,
        plain,
      ),
    ]).toEqual([
      '✔ CloudJob          it is there',
      '? operator          you may not read its',
      '                    Lease',
      '✖ Secret            it lacks secretKey',
      '                    → correct the keys',
      '                    of the Secret',
    ]);
  });
});

describe('the doctor on a terminal', () => {
  it('leaves no line behind when it is interrupted in the middle of a check', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as AddressInfo;
    const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${port}`));
    const stop = new AbortController();
    let text = '';
    const stdout = {
      isTTY: true,
      write(more: string | Uint8Array) {
        text += String(more);
        if (text.includes('API server')) stop.abort();
        return true;
      },
    };

    const code = await runPlugin(['doctor', 'scale-up', '--kubeconfig', kubeconfig], {
      stdin: process.stdin,
      stdout,
      stderr: stdout,
      env: { NO_COLOR: '1' },
      clock: systemClock,
      random: Math.random,
      signal: stop.signal,
    });
    silent.closeAllConnections();
    silent.close();
    rmSync(folder, { recursive: true });

    expect(code).toBe(130);
    expect(text).toBe('\r\u001B[K… API server\r\u001B[K');
  });
});

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 'token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'infra' } }],
    'current-context': 'x',
  });
}
