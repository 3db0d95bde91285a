import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import { MAX_EXTEND_PARAMS, MAX_SUB_JOBS } from '../../src/api/cloudjob.js';
import { crdYaml } from '../../src/api/crd.js';
import { startApi } from '../support/api.js';
import { explain, hasKubectl, runKubectl } from '../support/kubectl.js';
import { describeWithKubectl, itWhen } from '../support/skips.js';

const SAMPLES = new URL('../../deploy/samples/', import.meta.url).pathname;

const home = await mkdtemp(join(tmpdir(), 'cloudjob-crd-'));
const api = await startApi(home);
const enforcesRules = hasKubectl && (await installCrd());
const itWithRules = itWhen(enforcesRules, 'the API server is too old for CEL rules');

/** Returns whether the API server knows the CRD's CEL rules; one from before 1.25 drops them. */
async function installCrd(): Promise<boolean> {
  // An old API server has kubectl refuse the key of the rules that it then would drop.
  await succeed(['apply', '--validate=false', '-f', '-'], crdYaml());
  const crd = 'crd/cloudjobs.cloudjob.dev';
  await succeed(['wait', '--for=condition=Established', crd, '--timeout=20s']);
  // Established comes before served, and served before described.
  await explain(api.kubeconfigFile, home, 'cjob.spec');
  return (await succeed(['get', crd, '-o', 'jsonpath={.spec}'])).includes('x-kubernetes-validations');
}

async function run(args: readonly string[], input = '') {
  return runKubectl(api.kubeconfigFile, home, args, input);
}

async function succeed(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(args, input);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** What kubectl says when it is refused. */
async function fail(args: readonly string[], input = ''): Promise<string> {
  const { code, stderr } = await run(args, input);
  expect(code).toBe(1);
  return stderr;
}

describeWithKubectl('the CRD, by the real kubectl', () => {
  let namespace: string;
  let namespaces = 0;

  afterAll(async () => {
    await api.stop();
    await rm(home, { recursive: true, force: true });
  });

  beforeEach(async () => {
    namespaces += 1;
    namespace = `crd-${process.pid}-${Date.now().toString(36)}-${namespaces}`;
    await succeed(['create', 'namespace', namespace]);
  });

  afterEach(async () => {
    await succeed(['delete', 'namespace', namespace, '--wait=false']);
  });

  const here = (...args: readonly string[]) => ['--namespace', namespace, ...args];

  function manifest(spec: unknown, name = 'one'): string {
    return JSON.stringify({
      apiVersion: 'cloudjob.dev/v1alpha1',
      kind: 'CloudJob',
      metadata: { name },
      spec,
    });
  }

  const apply = async (spec: unknown) => succeed(here('apply', '-f', '-'), manifest(spec));
  const patchSpec = (change: object) =>
    here('patch', 'cjob', 'one', '--type=merge', '-p', JSON.stringify({ spec: change }));
  const patchStatus = (status: object) =>
    here('patch', 'cjob', 'one', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
  const get = async () =>
    JSON.parse(await succeed(here('get', 'cjob', 'one', '-o', 'json'))) as { spec: unknown; status: unknown };

  it.each<[string, unknown, readonly string[]]>([
    ['no spec', undefined, ['spec', 'required']],
    ['no jobID', {}, ['spec', 'jobID', 'required']],
    ['an empty jobID', { jobID: '' }, ['spec.jobID', '^[A-Za-z0-9_-]+$']],
    ['a jobID of 65 characters', { jobID: 'x'.repeat(65) }, ['spec.jobID', '64']],
    ['a jobID with a slash', { jobID: 'a/b' }, ['spec.jobID', '^[A-Za-z0-9_-]+$']],
    ['a jobID with a line end', { jobID: 'a\n' }, ['spec.jobID', '^[A-Za-z0-9_-]+$']],
    ['a jobID that is a number', { jobID: 5 }, ['spec.jobID', 'string']],
    ['a projectID with dots', { jobID: 'a', projectID: '..' }, ['spec.projectID']],
    ['a projectID of 65 characters', { jobID: 'a', projectID: 'x'.repeat(65) }, ['spec.projectID', '64']],
    ['a URL as region', { jobID: 'a', region: 'https://cce.example' }, ['spec.region', '^[a-z0-9]']],
    ['a host and port as region', { jobID: 'a', region: 'cce:443' }, ['spec.region', '^[a-z0-9]']],
    ['a region in capitals', { jobID: 'a', region: 'EU-DE' }, ['spec.region', '^[a-z0-9]']],
    ['a region of 64 characters', { jobID: 'a', region: 'x'.repeat(64) }, ['spec.region', '63']],
    [
      'a credentialsRef without a name',
      { jobID: 'a', credentialsRef: {} },
      ['spec.credentialsRef', 'name', 'required'],
    ],
    ['a Secret elsewhere', { jobID: 'a', credentialsRef: { name: 'x/y' } }, ['spec.credentialsRef.name']],
    ['suspend as text', { jobID: 'a', suspend: 'yes' }, ['spec.suspend', 'boolean']],
    [
      'an interval of nothing',
      { jobID: 'a', pollIntervalSeconds: 0 },
      ['spec.pollIntervalSeconds', 'greater than or equal to 1'],
    ],
    [
      'an interval of two days',
      { jobID: 'a', pollIntervalSeconds: 172_800 },
      ['spec.pollIntervalSeconds', '86400'],
    ],
    ['half a second', { jobID: 'a', pollIntervalSeconds: 0.5 }, ['spec.pollIntervalSeconds', 'integer']],
    [
      'an unknown readyWhen',
      { jobID: 'a', readyWhen: 'Never' },
      ['spec.readyWhen', '"Succeeded", "Observed"'],
    ],
    [
      'an unknown kind of cluster',
      { jobID: 'a', clusterType: 'Turbo' },
      ['spec.clusterType', '"Standard", "Autopilot"'],
    ],
    ['a deadline of nothing', { jobID: 'a', activeDeadlineSeconds: 0 }, ['spec.activeDeadlineSeconds']],
    [
      'an observation deadline of nothing',
      { jobID: 'a', observationDeadlineSeconds: 0 },
      ['spec.observationDeadlineSeconds'],
    ],
    [
      'a negative time to live',
      { jobID: 'a', ttlSecondsAfterFinished: -1 },
      ['spec.ttlSecondsAfterFinished'],
    ],
    ['a field that does not exist', { jobID: 'a', jobId: 'b' }, ['unknown field', 'jobId']],
  ])('refuses %s with words that help', async (_, spec, words) => {
    const said = await fail(here('apply', '-f', '-'), manifest(spec));

    for (const word of words) expect(said.toLowerCase()).toContain(word.toLowerCase());
  });

  it.each<[string, object]>([
    ['the least', { jobID: 'a' }],
    ['the documented ID of 37 characters', { jobID: '354331b2c-229a-11e8-9c75-0255ac100ceb' }],
    [
      'everything at its upper end',
      {
        jobID: 'A_'.repeat(32),
        projectID: 'p'.repeat(64),
        region: 'r'.repeat(63),
        credentialsRef: { name: 's'.repeat(253) },
        suspend: true,
        pollIntervalSeconds: 86_400,
        readyWhen: 'Observed',
        activeDeadlineSeconds: 31_536_000,
        observationDeadlineSeconds: 31_536_000,
        ttlSecondsAfterFinished: 31_536_000,
      },
    ],
    ['a time to live of nothing', { jobID: 'a', ttlSecondsAfterFinished: 0 }],
  ])('accepts %s', async (_, spec) => {
    await apply(spec);

    expect((await get()).spec).toMatchObject(spec);
  });

  it('shows a fresh object what it is followed by, and no end', async () => {
    await apply({ jobID: 'a' });

    const { spec, status } = await get();

    expect(spec).toEqual({
      jobID: 'a',
      clusterType: 'Standard',
      suspend: false,
      readyWhen: 'Succeeded',
      observationDeadlineSeconds: 600,
    });
    expect(status).toEqual({ observedGeneration: -1 });
  });

  it('takes no status from those who write the object', async () => {
    const object = JSON.parse(manifest({ jobID: 'a' })) as object;

    await succeed(here('create', '-f', '-'), JSON.stringify({ ...object, status: { phase: 'Success' } }));

    expect((await get()).status).toEqual({ observedGeneration: -1 });
  });

  itWithRules('tells those who write a URL as region where URLs belong', async () => {
    const said = await fail(
      here('apply', '-f', '-'),
      manifest({ jobID: 'a', region: 'https://cce.example' }),
    );

    expect(said).toContain("never a URL: the operator's administrator can add an endpoint to the catalogue");
  });

  for (const [name, change, problem, remedy] of [
    ['another jobID', { jobID: 'b' }, 'jobID cannot be changed', 'create another CloudJob for the other job'],
    ['another projectID', { projectID: 'q' }, 'projectID cannot be changed', 'a job of another project'],
    ['no projectID', { projectID: null }, 'projectID cannot be changed', 'cannot be changed or removed'],
    ['another region', { region: 'eu-nl' }, 'region cannot be changed', 'a job of another region'],
    ['no region', { region: null }, 'region cannot be changed', 'cannot be changed or removed'],
    [
      'another clusterType',
      { clusterType: 'Autopilot' },
      'clusterType cannot be changed',
      'create another CloudJob for the job',
    ],
  ] as const) {
    itWithRules(`refuses ${name} later`, async () => {
      await apply({ jobID: 'a', projectID: 'p', region: 'eu-de' });

      const said = await fail(patchSpec(change));

      expect(said).toContain(problem);
      expect(said).toContain(remedy);
    });
  }

  itWithRules('takes a projectID and a region later, and then keeps them', async () => {
    await apply({ jobID: 'a' });

    await succeed(patchSpec({ projectID: 'p' }));
    await succeed(patchSpec({ region: 'eu-de', suspend: true }));

    expect(await fail(patchSpec({ projectID: 'q' }))).toContain('projectID cannot be changed');
    expect((await get()).spec).toMatchObject({ projectID: 'p', region: 'eu-de', suspend: true });
  });

  it.each<[string, object, string]>([
    [
      'too many sub-jobs',
      { subJobs: Array.from({ length: MAX_SUB_JOBS + 1 }, () => ({ id: 'x' })) },
      'status.subJobs',
    ],
    [
      'too many parameters',
      {
        extendParam: Object.fromEntries(
          Array.from({ length: MAX_EXTEND_PARAMS + 1 }, (_, i) => [`k${i}`, 'v']),
        ),
      },
      'status.extendParam',
    ],
    ['a long reason', { reason: 'x'.repeat(1025) }, 'status.reason'],
    ['a time that is none', { startTime: 'yesterday' }, 'status.startTime'],
    [
      'a condition without a reason',
      { conditions: [{ type: 'Ready', status: 'True' }] },
      'status.conditions',
    ],
    ['a count below nothing', { subJobsOmitted: -1 }, 'status.subJobsOmitted'],
  ])('refuses a status with %s', async (_, status, field) => {
    await apply({ jobID: 'a' });

    expect(await fail(patchStatus(status))).toContain(field);
  });

  it('shows people the state in columns, and more of it with -o wide', async () => {
    await apply({ jobID: 'job-7' });
    await succeed(
      patchStatus({
        observedGeneration: 1,
        type: 'CreateCluster',
        phase: 'Running',
        message: 'Half-way.',
        resourceName: 'prod',
        startTime: new Date(Date.now() - 7_200_000).toISOString(),
        progress: {
          total: 14,
          succeeded: 12,
          running: 2,
          initializing: 0,
          failed: 0,
          unknown: 0,
          summary: '12/14',
        },
        conditions: [condition('Synced', 'True', 'JobRead'), condition('Ready', 'Unknown', 'JobRunning')],
      }),
    );

    const [headings, row] = table(await succeed(here('get', 'cjob')));
    const [wideHeadings, wideRow] = table(await succeed(here('get', 'cjob', '-o', 'wide')));

    expect(headings).toEqual(['NAME', 'TYPE', 'PHASE', 'PROGRESS', 'READY', 'REASON', 'AGE']);
    expect(row?.slice(0, 6)).toEqual(['one', 'CreateCluster', 'Running', '12/14', 'Unknown', 'JobRunning']);
    expect(wideHeadings?.slice(7)).toEqual(['JOB-ID', 'RESOURCE', 'STARTED', 'FINISHED', 'MESSAGE']);
    expect(wideRow?.slice(7, 9)).toEqual(['job-7', 'prod']);
    expect(wideRow?.[9]).toMatch(/^(2h|120m)/);
    expect(wideRow?.at(-1)).toBe('Half-way.');
  });

  it.each(['cloudjobs', 'cloudjob', 'cjob', 'cloudjobs.cloudjob.dev', 'cloud'])(
    'answers to the name %s',
    async (name) => {
      await apply({ jobID: 'a' });

      expect(await succeed(here('get', name, '-o', 'name'))).toBe('cloudjob.cloudjob.dev/one\n');
    },
  );

  it.each([
    ['cloudjob', 'follows one asynchronous job in the cloud'],
    ['cloudjob.spec.jobID', 'as the cloud returned it when the job was started'],
    ['cjob.spec.credentialsRef.name', 'Name of a Secret in the namespace of this CloudJob.'],
    ['cjob.status.subJobs.phase', "The cloud's word for how far the sub-job is."],
    ['cjob.status.progress', 'counted over the leaves'],
    ['cjob.status.conditions', 'The state in the form that tools wait on.'],
  ])('explains %s', async (path, words) => {
    expect((await explain(api.kubeconfigFile, home, path)).replaceAll(/\s+/g, ' ')).toContain(words);
  });

  it('would take every sample', async () => {
    const said = await succeed(here('apply', '--dry-run=server', '-f', SAMPLES));

    expect(said.match(/^cloudjob\S* created \(server dry run\)$/gm)).toHaveLength(4);
    expect(said).toContain('secret/cce-credentials created (server dry run)');
  });
});

function condition(type: string, status: string, reason: string): object {
  return { type, status, reason, message: 'As it is.', lastTransitionTime: '2026-03-01T10:00:00Z' };
}

function table(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s{2,}/));
}
