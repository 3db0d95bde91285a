import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import { reports, type JobScript } from '../support/jobs.js';
import type { ToolResult } from '../support/tools.js';
import { PLUGIN_COMPLETION, PLUGIN_MAIN, PluginProcess } from '../support/pluginProcess.js';
import { PROJECT, TOKEN_MARK } from '../support/scriptedCloud.js';
import { describeWithKubectl, itWhen, realKubeconfig } from '../support/skips.js';
import { has, SECRET, World, type Ref } from '../support/world.js';

/** The operator of these tests is an admin; this is the account that the doctor gets instead. */
const ACCOUNT = 'plugin-test-operator';
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

let world: World;
let home: string;
/** Several tests read the CloudJobs of this namespace; the others have their own. */
let shared: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'cloudjob-plugin-'));
  world = await World.start();
  await world.startOperator();
  shared = await world.namespace();
}, 90_000);

afterAll(async () => {
  await world?.stop();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

function start(args: readonly string[], input = ''): PluginProcess {
  return new PluginProcess(world.kubeconfigFile, args, input);
}

/** Runs the plugin to its end; whatever it writes, no secret may be in it. */
async function run(args: readonly string[], input = ''): Promise<ToolResult> {
  const result = await start(args, input).end();
  expect(result.stdout + result.stderr).not.toContain(TOKEN_MARK);
  return result;
}

/** A CloudJob whose job is as the script says, once the operator has seen it so. */
async function follow(job: JobScript, spec: object = {}, namespace = shared): Promise<Ref> {
  world.cloud.answer(job.uid, reports(job));
  const ref = await world.follow(namespace, job.uid, spec);
  await world.untilStatus(ref, `is ${job.phase}`, ({ phase }) => phase === job.phase, 60_000);
  return ref;
}

/** A kubeconfig whose API server does not exist. */
function nowhere(): string {
  return dump({
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
  });
}

const FAILED: JobScript = {
  uid: 'plugin-failed',
  type: 'ScaleupCluster',
  resourceName: 'prod',
  phase: 'Failed',
  subJobs: [
    { uid: 'vm', type: 'CreateNodeVM', phase: 'Failed', reason: 'sold out' },
    { uid: 'psm', type: 'GetPSMCert', phase: 'Success' },
  ],
};

describe('watch', () => {
  it.concurrent('follows a job to its success: 0', async () => {
    const { name } = await follow({ uid: 'plugin-succeeds', phase: 'Running' });
    const watching = start(['watch', name, '-n', shared]);
    await watching.untilWritten(`${shared}/${name}  Running`);

    world.cloud.answer(name, reports({ uid: name, phase: 'Success' }));

    expect(await watching.end()).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/Success.*\n$/),
    });
  });

  it.concurrent('says how a job failed, whatever the others do: 1', async () => {
    const { name } = await follow({ ...FAILED, uid: 'plugin-fails' });
    const other = await follow({ uid: 'plugin-suspended', phase: 'Running' }, {});
    await world.patch(other, { spec: { suspend: true } });
    await world.untilStatus(other, 'is suspended', (status) => has(status, 'Suspended', 'True'));

    const result = await run(['watch', name, other.name, '-n', shared]);

    expect(result.code).toBe(1);
    expect(result.stdout).toContain('CreateNodeVM: Failed  sold out');
    expect(result.stderr).toMatch(/plugin-suspended: it is unclear how its job ends: it is suspended/);
  });

  it.concurrent('cannot tell of one that is not there: 2', async () => {
    const result = await run(['watch', 'nobody', '-n', shared]);

    expect(result).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('/nobody does not exist'),
    });
  });

  it.concurrent('cannot tell of one that is deleted meanwhile: 2', async () => {
    const ref = await follow({ uid: 'plugin-deleted', phase: 'Running' });
    const watching = start(['watch', ref.name, '-n', shared]);
    await watching.untilWritten('Running');

    await world.delete(ref);

    expect(await watching.end()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('it was deleted'),
    });
  });

  it.concurrent('gives up after --timeout: 2, with a line of JSON for programs', async () => {
    const { name } = await follow({ uid: 'plugin-slow', phase: 'Running' });

    const result = await run(['watch', name, '-n', shared, '--timeout', '1s', '-o', 'json']);

    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('within --timeout') });
    expect(JSON.parse(result.stdout)).toMatchObject({ name, outcome: 'pending', phase: 'Running' });
  });

  it.concurrent('ends on Ctrl-C: 130', async () => {
    const { name } = await follow({ uid: 'plugin-interrupted', phase: 'Running' });
    const watching = start(['watch', name, '-n', shared]);
    await watching.untilWritten('Running');

    watching.interrupt();

    expect(await watching.end()).toMatchObject({ code: 130, stderr: '' });
  });

  it.concurrent('cannot tell without an API server: 2', async () => {
    const file = join(home, 'nowhere.kubeconfig');
    writeFileSync(file, nowhere());

    expect(await run(['watch', 'a', '--kubeconfig', file])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await run(['tree', 'a', '--kubeconfig', file])).toMatchObject({ code: 1 });
    expect(await run(['tree', 'a', '--context', 'y', '--kubeconfig', file])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('context "y" names no cluster; contexts: x'),
    });
  });
});

describe('tree, list and logs', () => {
  it.concurrent('tree prints the tree once, in JSON on request', async () => {
    const { name } = await follow({ ...FAILED, uid: 'plugin-tree' });

    const { stdout } = await run(['tree', `cjob/${name}`, '-n', shared]);
    const json = await run(['tree', name, '-n', shared, '-o', 'json']);

    expect(stdout.split('\n').map((line) => line.replaceAll(/\s+/g, ' '))).toEqual([
      `${shared}/plugin-tree ScaleupCluster of prod Failed ██████░░░░░░ 1/2 5m30s`,
      '│ ScaleupCluster of prod has failed: CreateNodeVM: sold out',
      '├─ ✖ CreateNodeVM Failed 5m30s',
      '│ sold out',
      '└─ ✔ GetPSMCert Success 5m30s',
      '',
    ]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      outcome: 'failed',
      subJobs: [{ id: 'vm' }, { id: 'psm' }],
    });
  });

  it.concurrent('list shows first what needs somebody', async () => {
    const namespace = await world.namespace();
    await follow({ uid: 'listed-good', phase: 'Success' }, {}, namespace);
    await follow({ uid: 'listed-running', phase: 'Running' }, {}, namespace);
    await follow({ uid: 'listed-bad', phase: 'Failed' }, {}, namespace);

    const { code, stdout } = await run(['list', '-n', namespace]);
    const all = JSON.parse((await run(['list', '-A', '-o', 'json'])).stdout) as {
      readonly items: readonly {
        readonly namespace: string;
        readonly name: string;
        readonly attention: string;
      }[];
    };

    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'NAME',
      'listed-bad',
      'listed-running',
      'listed-good',
      '',
    ]);
    expect(
      all.items
        .filter((item) => item.namespace === namespace)
        .map(({ name, attention }) => [name, attention]),
    ).toEqual([
      ['listed-bad', 'needsSomebody'],
      ['listed-running', 'underWay'],
      ['listed-good', 'succeeded'],
    ]);
  });

  it.concurrent('logs prints what happened, oldest first', async () => {
    const jobID = 'plugin-logged';
    await follow({ uid: jobID, phase: 'Running' });
    world.cloud.answer(jobID, reports({ ...FAILED, uid: jobID }));
    await world.untilStatus(
      { namespace: shared, name: jobID },
      'is Failed',
      ({ phase }) => phase === 'Failed',
    );

    const { stdout } = await run(['logs', jobID, '-n', shared]);

    const reasons = stdout.split('\n').map((line) => line.split(/\s+/)[1]);
    expect(reasons.indexOf('Observed')).toBe(0);
    expect(reasons).toContain('SubJobFailed');
    expect(reasons).toContain('Failed');
    expect(stdout).toContain('sold out');
  });

  it.concurrent('logs of nobody is an error: 1', async () => {
    expect(await run(['logs', 'nobody', '-n', shared])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist'),
    });
  });
});

describe('with labels, or all of a namespace', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await world.namespace();
    for (const [jobID, phase, team] of [
      ['labelled-a', 'Success', 'red'],
      ['labelled-b', 'Success', 'red'],
      ['labelled-c', 'Failed', 'blue'],
    ] as const) {
      const ref = await follow({ uid: jobID, phase }, {}, namespace);
      await world.patch(ref, { metadata: { labels: { team } } });
    }
  });

  it.concurrent('watch follows those that it finds at its start', async () => {
    const red = await run(['watch', '-l', 'team=red', '-n', namespace]);
    const all = await run(['watch', '--all', '-n', namespace]);

    expect([red.code, red.stdout.split('\n').length - 1]).toEqual([0, 2]);
    expect(red.stdout).not.toContain('labelled-c');
    expect(all.code).toBe(1);
    expect(all.stdout).toContain('labelled-c  Failed');
  });

  it.concurrent('tree and list show those alone', async () => {
    const { stdout } = await run(['tree', '-l', 'team in (blue)', '-n', namespace, '-o', 'json']);
    const listed = await run(['list', '-l', 'team!=blue', '-n', namespace]);

    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ name: 'labelled-c' })]);
    expect(listed.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['labelled-a', 'labelled-b']),
    );
    expect(listed.stdout).not.toContain('labelled-c');
  });

  it.concurrent('none at all is an error', async () => {
    const problem = `there are no CloudJobs with labels team=green in namespace ${namespace}`;
    const args = ['-l', 'team=green', '-n', namespace];

    expect(await run(['tree', ...args])).toMatchObject({ code: 1, stderr: expect.stringContaining(problem) });
    expect(await run(['watch', ...args])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(problem),
    });
  });
});

describe('version', () => {
  it.concurrent('prints those of the plugin, the CRD and the operator', async () => {
    const namespace = await world.namespace();

    const { code, stdout, stderr } = await run(['version', '--operator-namespace', namespace]);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^plugin {4}\d+\.\d+\.\d+\nCRD {7}v1alpha1\noperator {2}unknown: .*Deployment/);
  });

  it.concurrent('needs no cluster', async () => {
    const file = join(home, 'version.kubeconfig');
    writeFileSync(file, nowhere());

    const { code, stdout } = await run(['version', '-o', 'json', '--kubeconfig', file]);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      plugin: { version: expect.stringMatching(/^\d/) },
      crd: { problem: expect.stringContaining('ECONNREFUSED') },
      operator: { problem: expect.stringContaining('ECONNREFUSED') },
    });
  });
});

describe('create', () => {
  it.concurrent('makes a CloudJob of a reply, once', async () => {
    const jobID = 'Plugin_Created';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const flags = [
      '--project-id',
      PROJECT,
      '--region',
      world.regionOf(shared),
      '--secret',
      SECRET,
      '-n',
      shared,
    ];
    const args = ['create', '--from-response', '-', ...flags];
    const reply = JSON.stringify({ kind: 'Cluster', status: { phase: 'Creating', jobID } });

    const written = await run(args, reply);
    const created = await run([...args, '--apply'], reply);
    const again = await run([...args, '--apply'], reply);
    const other = await run([...args, '--apply', '--name', 'plugin-created'], '{"jobID":"another"}');

    expect(load(written.stdout)).toMatchObject({ metadata: { name: 'plugin-created' }, spec: { jobID } });
    expect(created).toMatchObject({ code: 0, stdout: expect.stringContaining('plugin-created created') });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('unchanged') });
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('follows another job') });
    await world.untilStatus(
      { namespace: shared, name: 'plugin-created' },
      'is Running',
      ({ phase }) => phase === 'Running',
    );
  });

  it.concurrent.each([
    [['create', '--from-response', '-'], '{}', 1, 'standard input: it has no job ID'],
    [
      ['create', '--from-response', '/nowhere/reply.json'],
      '',
      1,
      '/nowhere/reply.json: cannot be read (ENOENT)',
    ],
    [['create'], '', 2, '--from-response FILE is missing'],
    [
      ['create', '--from-response', '-', '--region', 'https://a'],
      '{"jobid":"a"}',
      2,
      '--region: must be the name',
    ],
  ])('%j is refused in words', async (args, input, code, words) => {
    expect(await run(args, input)).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringContaining(words),
    });
  });
});

describe('discover', () => {
  const created = (secondsAgo: number): string => new Date(Date.now() - secondsAgo * 1000).toISOString();
  const listed = (uid: string, type: string, resource: string, secondsAgo: number) => ({
    kind: 'Job',
    apiVersion: 'v2',
    metadata: { uid, creationTimestamp: created(secondsAgo) },
    spec: { type, resourcename: resource, clusteruid: `cluster-of-${resource}` },
    status: { status: 'Running' },
  });
  let namespace: string;
  let flags: string[];
  beforeAll(async () => {
    namespace = await world.namespace();
    const config = join(home, 'discover.yaml');
    const region = { cce: world.cloud.url, iam: world.cloud.url };
    writeFileSync(config, dump({ regions: { [world.regionOf(namespace)]: region } }));
    const place = ['--config', config, '--region', world.regionOf(namespace), '--project', PROJECT];
    flags = ['-n', namespace, ...place, '--secret', SECRET];
  });

  it('shows the jobs of a project and who follows them, and follows the others: twice is once', async () => {
    await follow({ uid: 'plugin-known', phase: 'Running' }, {}, namespace);
    world.cloud.answerList(() => ({
      body: [
        listed('plugin-known', 'CreateCluster', 'prod', 7_200),
        listed('plugin-new-1', 'ScaleupCluster', 'prod', 60),
        listed('plugin-new-2', 'ScaleupCluster', 'prod', 30),
        { kind: 'Job', status: {} },
      ],
    }));

    const shown = await run(['discover', ...flags]);
    const applied = await run(['discover', ...flags, '--since', '1h', '--apply']);
    const again = await run(['discover', ...flags, '--apply']);

    const lines = shown.stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(lines).toEqual([
      ['TYPE', 'PHASE', 'RESOURCE', 'CREATED', 'JOB-ID', 'CLOUDJOB'],
      ['ScaleupCluster', 'Running', 'prod', expect.stringMatching(/^3\ds$/), 'plugin-new-2'],
      ['ScaleupCluster', 'Running', 'prod', expect.stringMatching(/^6\ds$/), 'plugin-new-1'],
      ['CreateCluster', 'Running', 'prod', '120m', 'plugin-known', 'plugin-known'],
      [''],
    ]);
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    expect(again).toMatchObject({ code: 0, stdout: '', stderr: 'No job is left to follow.\n' });
    const { items } = JSON.parse((await run(['discover', ...flags, '-o', 'json'])).stdout) as {
      readonly items: readonly { readonly jobID: string; readonly cloudJob?: string }[];
    };
    expect(items.map(({ jobID, cloudJob }) => [jobID, cloudJob])).toEqual([
      ['plugin-new-2', 'scaleup-cluster-prod'],
      ['plugin-new-1', 'scaleup-cluster-prod-plugin-n'],
      ['plugin-known', 'plugin-known'],
    ]);
  });

  it('writes CloudJobs that can be applied', async () => {
    world.cloud.answerList(() => ({ body: [listed('plugin-as-yaml', 'DeleteNode', 'Node_7', 5)] }));

    const { stdout } = await run(['discover', ...flags, '--type', 'deletenode', '-o', 'yaml']);

    expect(load(stdout)).toEqual({
      apiVersion: 'cloudjob.dev/v1alpha1',
      kind: 'CloudJob',
      metadata: { name: 'delete-node-node-7', namespace },
      spec: {
        jobID: 'plugin-as-yaml',
        projectID: PROJECT,
        region: world.regionOf(namespace),
        credentialsRef: { name: SECRET },
      },
    });
  });

  it.each([
    [
      'may not list',
      { status: 403, body: { error_code: 'CCE.01403001', error_msg: 'Forbidden.' } },
      /may not list them .*; grant them the action cce:job:list/,
    ],
    ['meets no list', { body: {} }, /the answer is no list of jobs/],
  ])('says what to do when it %s', async (_, answer, problem) => {
    world.cloud.answerList(() => answer);

    const { code, stdout, stderr } = await run(['discover', ...flags]);

    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(problem);
  });

  it('wants credentials: a Secret, or the environment', async () => {
    expect(await run(['discover', ...flags.slice(0, -2)])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /there are no cloud credentials; name a Secret with --secret, or set OS_/,
      ),
    });
  });
});

describe('doctor', () => {
  let flags: string[];
  beforeAll(async () => {
    const config = join(home, 'config.yaml');
    const region = { cce: world.cloud.url, iam: world.cloud.url };
    writeFileSync(config, dump({ regions: { [world.regionOf(shared)]: region } }));
    flags = ['-n', shared, '--config', config, '--operator-service-account', ACCOUNT];
    // The embedded API has no rights to give, and does not review any.
    await world.client.post(BINDINGS, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: ACCOUNT },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: 'cloudjob-system' }],
    });
  });
  afterAll(async () => {
    await world.client.delete(`${BINDINGS}/${ACCOUNT}`);
  });

  it.concurrent('finds nothing wrong with a running job, and says what it could not check', async () => {
    const { name } = await follow({ uid: 'plugin-healthy', phase: 'Running' });

    const { code, stdout } = await run(['doctor', name, ...flags, '-o', 'json']);

    const { steps, verdict } = JSON.parse(stdout) as {
      readonly verdict: string;
      readonly steps: readonly { readonly name: string; readonly kind: string }[];
    };
    const unchecked = steps.filter(({ kind }) => kind !== 'ok').map((step) => step.name);
    // The embedded API reviews no rights, and there the operator has its Lease in another namespace than in a cluster.
    const expected =
      realKubeconfig === undefined
        ? { code: 2, verdict: 'cannotTell', unchecked: ['your rights', 'operator', "operator's rights"] }
        : { code: 0, verdict: 'healthy', unchecked: [] };
    expect({ code, verdict, unchecked }).toEqual(expected);
    expect(steps.at(-1)).toMatchObject({ name: 'status', kind: 'ok' });
  });

  it.concurrent('finds why a job failed: 1', async () => {
    const { name } = await follow({ ...FAILED, uid: 'plugin-sick' });

    const { code, stdout } = await run(['doctor', name, ...flags]);

    expect(code).toBe(1);
    expect(stdout).toMatch(
      /✖ job +ScaleupCluster of prod has failed: CreateNodeVM: sold out\n +→ a failed job stays/,
    );
  });

  it.concurrent('finds that the cloud rejects the credentials, and does not show them: 1', async () => {
    const namespace = await world.namespace();
    const token = `wrong-${TOKEN_MARK}`;
    await world.putSecret(namespace, { token });
    const ref = await world.follow(namespace, 'plugin-rejected', { region: world.regionOf(shared) });
    await world.untilStatus(ref, 'is rejected', (status) => has(status, 'Synced', 'False'));

    const { code, stdout } = await run(['doctor', ref.name, ...flags.slice(2), '-n', namespace]);

    expect(code).toBe(1);
    expect(stdout).toMatch(/✔ Secret .* holds a token\n/);
    expect(stdout).toMatch(
      /✖ credentials +the cloud rejects the credentials .*\n +→ renew them in the Secret/,
    );
  });

  itWhen(realKubeconfig !== undefined, 'the embedded API reviews no rights')(
    'finds that the operator has no rights: 1',
    async () => {
      const { name } = await follow({ uid: 'plugin-powerless', phase: 'Running' });

      const { code, stdout } = await run(['doctor', name, ...flags.slice(0, -1), 'nobody']);

      expect(code).toBe(1);
      expect(stdout).toMatch(
        /✖ operator's rights .*cloudjob-system:nobody may not .*update cloudjobs\/status/,
      );
    },
  );
});

describeWithKubectl('kubectl', () => {
  const script = 'PATH="$1:$PATH"; shift; exec kubectl "$@"';
  beforeAll(() => {
    const plugin = `#!/bin/sh\nexec "${process.execPath}" "${PLUGIN_MAIN}" "$@"\n`;
    writeFileSync(join(home, 'kubectl-cloudjob'), plugin, { mode: 0o755 });
    copyFileSync(PLUGIN_COMPLETION, join(home, 'kubectl_complete-cloudjob'));
  });

  it('finds the plugin, passes flags on, and gives back its exit code', async () => {
    const { name } = await follow({ ...FAILED, uid: 'plugin-of-kubectl' });

    const tree = await world.shell(script, [home, 'cloudjob', 'tree', name, '-n', shared]);
    const watch = await world.shell(script, [home, 'cloudjob', 'watch', name, '-n', shared]);

    expect(tree).toMatchObject({ code: 0, stdout: expect.stringContaining('✖ CreateNodeVM') });
    expect(watch.code).toBe(1);
  });

  it('completes commands, flags, namespaces and the names of CloudJobs', async () => {
    const namespace = await world.namespace();
    await follow({ uid: 'completed-a', phase: 'Running' }, {}, namespace);
    await follow({ uid: 'completed-b', phase: 'Running' }, {}, namespace);
    const completed = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await world.shell(script, [home, '__completeNoDesc', 'cloudjob', ...args]);
      return stdout.trimEnd().split('\n');
    };

    expect(await completed('tr')).toEqual(['tree', ':4']);
    expect(await completed('watch', '--tim')).toEqual(['--timeout', ':4']);
    expect(await completed('watch', '-n', namespace, 'completed-a', '')).toEqual(['completed-b', ':4']);
    expect(await completed('list', '-n', namespace.slice(0, -1))).toContain(namespace);
    expect(await completed('create', '--from-response', '')).toEqual([':0']);
    expect(await completed('tree', '--context', 'nowhere', '')).toEqual([':4']);
  });
});
