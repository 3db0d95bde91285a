import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { PROJECT } from '../support/scriptedCloud.js';
import { describeWithKubectl } from '../support/skips.js';
import { until } from '../support/until.js';
import { SECRET, World } from '../support/world.js';

describeWithKubectl('with the real kubectl', () => {
  let world: World;
  let namespace: string;
  beforeAll(async () => {
    world = await World.start();
    await world.startOperator();
    namespace = await world.namespace();
  }, 90_000);
  afterAll(async () => world?.stop(), 60_000);

  /** The standard output of a kubectl that must succeed. */
  async function kubectl(args: readonly string[], input = ''): Promise<string> {
    const result = await world.kubectl(['-n', namespace, ...args], input);
    expect(result).toMatchObject({ code: 0 });
    return result.stdout;
  }

  function manifest(name: string, jobID: string): string {
    return `apiVersion: cloudjob.dev/v1alpha1
kind: CloudJob
metadata: { name: ${name} }
spec:
  jobID: ${jobID}
  projectID: ${PROJECT}
  region: ${world.regionOf(namespace)}
  credentialsRef: { name: ${SECRET} }
`;
  }

  it('a person applies a CloudJob, waits for it, describes it and deletes it', async () => {
    const jobID = 'typed-by-hand';
    world.cloud.answer(
      jobID,
      reports({
        uid: jobID,
        type: 'CreateCluster',
        resourceName: 'prod',
        phase: 'Running',
        subJobs: [
          { uid: 'a', phase: 'Success' },
          { uid: 'b', phase: 'Running' },
        ],
      }),
    );

    expect(await kubectl(['apply', '-f', '-'], manifest('by-hand', jobID))).toContain('by-hand created');
    await kubectl(['wait', 'cjob/by-hand', '--for=jsonpath={.status.phase}=Running', '--timeout=30s']);
    expect((await kubectl(['get', 'cjob'])).split('\n').map((line) => line.trim().split(/\s+/))).toEqual([
      ['NAME', 'TYPE', 'PHASE', 'PROGRESS', 'READY', 'REASON', 'AGE'],
      [
        'by-hand',
        'CreateCluster',
        'Running',
        '1/2',
        'Unknown',
        'JobRunning',
        expect.stringMatching(/^\d+s$/),
      ],
      [''],
    ]);
    world.cloud.answer(
      jobID,
      reports({ uid: jobID, type: 'CreateCluster', resourceName: 'prod', phase: 'Success' }),
    );
    await kubectl(['wait', 'cloudjob/by-hand', '--for=condition=Ready', '--timeout=30s']);
    await kubectl(['wait', 'cloudjob/by-hand', '--for=condition=Finished', '--timeout=30s']);
    await kubectl(['wait', 'cloudjob/by-hand', '--for=jsonpath={.status.phase}=Success', '--timeout=30s']);
    expect((await kubectl(['get', 'cjob', '-o', 'wide'])).split('\n')[0]?.trim().split(/\s+/)).toEqual([
      'NAME',
      'TYPE',
      'PHASE',
      'PROGRESS',
      'READY',
      'REASON',
      'AGE',
      'JOB-ID',
      'RESOURCE',
      'STARTED',
      'FINISHED',
      'MESSAGE',
    ]);
    expect(await kubectl(['describe', 'cjob', 'by-hand'])).toContain('JobSucceeded');
    expect(await kubectl(['apply', '-f', '-'], manifest('by-hand', jobID))).toContain('unchanged');
    expect(await kubectl(['delete', 'cjob', 'by-hand'])).toContain('deleted');
  }, 120_000);

  it('a script waits for the end of a job that fails, and learns why', async () => {
    const jobID = 'fails-for-a-script';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Failed', reason: 'flavor sold out' }));

    await kubectl(['apply', '-f', '-'], manifest('fails', jobID));
    await kubectl(['wait', 'cjob/fails', '--for=condition=Finished', '--timeout=30s']);

    await kubectl(['wait', 'cjob/fails', '--for=condition=Succeeded=false', '--timeout=30s']);
    expect(await kubectl(['get', 'cjob', 'fails', '-o', 'jsonpath={.status.message}'])).toContain(
      'flavor sold out',
    );
  }, 60_000);

  it('leaves alone what a tool would make again, whatever its ttl, and deletes what a person applied', async () => {
    const appliedBy: readonly [string, string][] = [
      ['by-terraform', 'Terraform'],
      ['by-crossplane', 'provider-kubernetes/by-crossplane'],
      ['by-argo', 'argocd-controller'],
      ['insisted-on', 'argocd-controller'],
      ['by-a-person', 'kubectl'],
    ];
    for (const [name, manager] of appliedBy) {
      world.cloud.answer(name, reports({ uid: name, phase: 'Success' }));
      const yaml = `${manifest(name, name)}  ttlSecondsAfterFinished: 1\n`;
      await kubectl(['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'], yaml);
    }

    await kubectl(['wait', 'cjob/by-a-person', '--for=delete', '--timeout=60s']);
    await kubectl(['annotate', 'cjob/insisted-on', 'cloudjob.dev/ttl=always']);
    await kubectl(['wait', 'cjob/insisted-on', '--for=delete', '--timeout=60s']);
    for (const name of ['by-terraform', 'by-crossplane', 'by-argo']) {
      const events = await until(`${name} to have its Event`, async () => {
        const reported = await world.events({ namespace, name });
        return reported.includes('TTLIgnored') && reported;
      });
      expect(events).toContain('Succeeded');
      expect(await kubectl(['get', `cjob/${name}`])).toContain('JobSucceeded');
    }
  });

  it.each([
    ['cloudjob', /status/],
    ['cloudjob.spec.jobID', /ID of the cloud job/],
    ['cloudjob.status.progress', /summary/],
    ['cjob.spec', /readyWhen/],
  ])('explain %s is the reference manual', async (path, text) => {
    expect(await world.explain(path)).toMatch(text);
  });

  it('a bad CloudJob is refused with a message that names the field', async () => {
    const result = await world.kubectl(['-n', namespace, 'apply', '-f', '-'], manifest('bad', '"not an ID"'));

    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('spec.jobID');
  });
});
