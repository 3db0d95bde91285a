import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports, type JobScript } from '../support/jobs.js';
import { kstatus } from '../support/kstatus.js';
import { PROJECT } from '../support/scriptedCloud.js';
import { condition } from '../support/soundStatus.js';
import { until } from '../support/until.js';
import { has, tokenOf, World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await World.start();
  await world.startOperator();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

describe('a running job whose sub-jobs have succeeded', () => {
  it('is reported field by field, and the parent stays Running', async () => {
    const jobID = '7c20e1f4a-310b-11ee-8d21-0255ac100f31';
    world.cloud.answer(jobID, {
      body: {
        kind: 'Job',
        apiVersion: 'v3',
        metadata: {
          uid: jobID,
          creationTimestamp: '2026-02-03 09:14:41.772383491 +0000 UTC',
          updateTimestamp: '2026-02-03 09:22:51.578219671 +0000 UTC',
        },
        spec: {
          type: 'CreateCluster',
          clusterUID: '1b93a7d0-310b-11ee-8d21-0255ac100f31',
          resourceID: '1b93a7d1-310b-11ee-8d21-0255ac100f31',
          resourceName: 'prod-eu',
          extendParam: { serverID: '9e11d2c4-310c-11ee-b1f0-0255ac100f32' },
          subJobs: [
            {
              kind: 'Job',
              apiVersion: 'v3',
              metadata: {
                uid: 'aa474fab-310b-11ee-8d22-0255ac100f31',
                creationTimestamp: '2026-02-03 09:14:43 +0000 UTC',
                updateTimestamp: '2026-02-03 09:20:08.2 +0000 UTC',
              },
              spec: {
                type: 'InstallMaster',
                clusterUID: '1b93a7d2-310b-11ee-8d21-0255ac100f31',
                resourceID: 'bb3b4ac0-310b-11ee-8d22-0255ac100f31',
                extendParam: { serverID: 'bb3b4ac0-310b-11ee-8d22-0255ac100f31' },
              },
              status: { phase: 'Success' },
            },
            {
              kind: 'Job',
              apiVersion: 'v3',
              metadata: {
                uid: 'aa474f82-310b-11ee-8d21-0255ac100f31',
                creationTimestamp: '2026-02-03 09:14:42.859150791 +0000 UTC',
                updateTimestamp: '2026-02-03 09:14:43.615655429 +0000 UTC',
              },
              spec: { type: 'CreatePSMCert', clusterUID: '1b93a7d2-310b-11ee-8d21-0255ac100f31' },
              status: { phase: 'Success' },
            },
          ],
        },
        status: { phase: 'Running', reason: '' },
      },
    });

    const ref = await world.follow(await world.namespace(), jobID);
    const seen = await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    expect(seen.status).toEqual({
      observedGeneration: 1,
      phase: 'Running',
      message: expect.stringContaining('prod-eu'),
      jobID,
      type: 'CreateCluster',
      clusterUID: '1b93a7d0-310b-11ee-8d21-0255ac100f31',
      resourceID: '1b93a7d1-310b-11ee-8d21-0255ac100f31',
      resourceName: 'prod-eu',
      extendParam: { serverID: '9e11d2c4-310c-11ee-b1f0-0255ac100f32' },
      progress: {
        total: 2,
        succeeded: 2,
        running: 0,
        initializing: 0,
        failed: 0,
        unknown: 0,
        summary: '2/2',
      },
      subJobs: [
        {
          id: 'aa474f82-310b-11ee-8d21-0255ac100f31',
          parentID: jobID,
          type: 'CreatePSMCert',
          phase: 'Success',
          startTime: '2026-02-03T09:14:42Z',
          updateTime: '2026-02-03T09:14:43Z',
        },
        {
          id: 'aa474fab-310b-11ee-8d22-0255ac100f31',
          parentID: jobID,
          type: 'InstallMaster',
          phase: 'Success',
          resourceID: 'bb3b4ac0-310b-11ee-8d22-0255ac100f31',
          startTime: '2026-02-03T09:14:43Z',
          updateTime: '2026-02-03T09:20:08Z',
        },
      ],
      startTime: '2026-02-03T09:14:41Z',
      updateTime: '2026-02-03T09:22:51Z',
      conditions: [
        condition('Ready', 'Unknown', 'JobRunning'),
        condition('Succeeded', 'Unknown', 'JobRunning'),
        condition('Synced', 'True', 'JobRead'),
        condition('Reconciling', 'True', 'JobRunning'),
      ],
    });
    expect(kstatus(seen)).toBe('InProgress');
  });

  it('is requested with the token, at the exact path and with no body', async () => {
    const jobID = 'how-it-is-called';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));

    const namespace = await world.namespace();
    await world.follow(namespace, jobID);
    await until('the cloud to be called', () => world.cloud.requests(jobID).length > 0);

    const [request] = world.cloud.requests(jobID);
    expect(request).toMatchObject({
      method: 'GET',
      path: `/api/v3/projects/${PROJECT}/jobs/${jobID}`,
      body: '',
      headers: {
        'x-auth-token': tokenOf(namespace),
        'content-type': expect.stringMatching(/^application\/json/),
      },
    });
    expect(world.cloud.strays).toEqual([]);
  });
});

describe('a job from beginning to end', () => {
  it('goes from Initializing through Running to Success with its nested sub-jobs', async () => {
    const jobID = 'from-beginning-to-end';
    const at = (phase: string, node: string, cert: string, install: string): JobScript => ({
      uid: jobID,
      type: 'ScaleupCluster',
      resourceName: 'pool-1',
      phase,
      subJobs: [
        {
          uid: 'create-node',
          type: 'CreateNode',
          phase: node,
          subJobs: [
            { uid: 'get-cert', type: 'GetPSMCert', phase: cert },
            { uid: 'install-node', type: 'InstallNode', phase: install },
          ],
        },
      ],
    });

    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Initializing' }));
    const ref = await world.follow(await world.namespace(), jobID);
    const initializing = await world.untilStatus(ref, 'is Initializing', (s) => s.phase === 'Initializing');
    world.cloud.answer(jobID, reports(at('Running', 'Running', 'Success', 'Initializing')));
    const running = await world.untilStatus(ref, 'is Running', (s) => s.phase === 'Running');
    world.cloud.answer(jobID, reports(at('Success', 'Success', 'Success', 'Success')));
    const done = await world.untilStatus(ref, 'is Success', (s) => s.phase === 'Success');

    expect(initializing.status).toMatchObject({
      progress: { total: 1, initializing: 1, summary: '0/1' },
      conditions: [
        condition('Ready', 'Unknown', 'JobInitializing'),
        condition('Succeeded', 'Unknown', 'JobInitializing'),
        condition('Synced', 'True', 'JobRead'),
        condition('Reconciling', 'True', 'JobInitializing'),
      ],
    });
    expect(running.status).toMatchObject({
      progress: { total: 2, succeeded: 1, initializing: 1, summary: '1/2' },
      subJobs: [
        { id: 'create-node', parentID: jobID, phase: 'Running' },
        { id: 'install-node', parentID: 'create-node', phase: 'Initializing' },
        { id: 'get-cert', parentID: 'create-node', phase: 'Success' },
      ],
    });
    expect(done.status).toMatchObject({
      progress: { total: 2, succeeded: 2, summary: '2/2' },
      completionTime: '2026-01-15T10:05:30Z',
    });
    expect(done.status.conditions).toEqual([
      condition('Ready', 'True', 'JobSucceeded'),
      condition('Succeeded', 'True', 'JobSucceeded'),
      condition('Finished', 'True', 'JobSucceeded'),
      condition('Settled', 'True', 'JobSucceeded'),
      condition('Synced', 'True', 'JobRead'),
    ]);
    expect([initializing, running, done].map(kstatus)).toEqual(['InProgress', 'InProgress', 'Current']);
  });

  it('fails with the deepest reason, failed sub-jobs first', async () => {
    const jobID = 'fails-deep-down';
    world.cloud.answer(
      jobID,
      reports({
        uid: jobID,
        type: 'CreateCluster',
        resourceName: 'prod',
        phase: 'Failed',
        reason: 'job failed',
        subJobs: [
          { uid: 'cert', type: 'CreatePSMCert', phase: 'Success' },
          { uid: 'waiting', type: 'InstallMaster', phase: 'Running' },
          {
            uid: 'node',
            type: 'CreateNode',
            phase: 'Failed',
            reason: 'a sub-job failed',
            subJobs: [
              { uid: 'vm', type: 'CreateNodeVM', phase: 'Failed', reason: 'flavor s7.xlarge.2 is sold out' },
            ],
          },
        ],
      }),
    );

    const ref = await world.follow(await world.namespace(), jobID);
    const seen = await world.untilStatus(ref, 'is Failed', ({ phase }) => phase === 'Failed');

    expect(seen.status).toMatchObject({
      phase: 'Failed',
      reason: 'job failed',
      message: expect.stringContaining('flavor s7.xlarge.2 is sold out'),
      progress: { total: 3, succeeded: 1, running: 1, failed: 1, summary: '1/3' },
      subJobs: [{ id: 'node' }, { id: 'vm', parentID: 'node' }, { id: 'waiting' }, { id: 'cert' }],
      completionTime: '2026-01-15T10:05:30Z',
    });
    const cause = { message: /flavor s7\.xlarge\.2 is sold out/ };
    expect(seen.status.conditions).toEqual([
      condition('Ready', 'False', 'JobFailed', cause),
      condition('Succeeded', 'False', 'JobFailed', cause),
      condition('Finished', 'True', 'JobFailed'),
      condition('Settled', 'True', 'JobFailed', cause),
      condition('Synced', 'True', 'JobRead'),
      condition('Stalled', 'True', 'JobFailed', cause),
    ]);
    expect(kstatus(seen)).toBe('Failed');
  });

  it('is followed through a phase that nobody documented', async () => {
    const jobID = 'odd-phase';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Rollbacking' }));

    const ref = await world.follow(await world.namespace(), jobID);
    const odd = await world.untilStatus(ref, 'is Rollbacking', ({ phase }) => phase === 'Rollbacking');
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const done = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(odd.status.conditions).toEqual([
      condition('Ready', 'Unknown', 'UnknownPhase'),
      condition('Succeeded', 'Unknown', 'UnknownPhase'),
      condition('Synced', 'True', 'UnknownPhase'),
      condition('Reconciling', 'True', 'UnknownPhase'),
    ]);
    expect([odd, done].map(kstatus)).toEqual(['InProgress', 'Current']);
  });

  it('keeps its outcome when the cloud forgets it; what the cloud reports on a requested poll counts', async () => {
    const jobID = 'outcome-stays';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const ref = await world.follow(await world.namespace(), jobID);
    const before = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    world.cloud.forget(jobID);
    const forgotten = await world.pollNow(ref);
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const changed = await world.pollNow(ref);

    expect(forgotten.status).toEqual({ ...before.status, lastHandledReconcileAt: expect.any(String) });
    expect(changed.status.phase).toBe('Running');
  });
});

describe('readyWhen: Observed', () => {
  it('is Ready as soon as the job is followed, and stays so when it succeeds', async () => {
    const jobID = 'observed-running';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));

    const ref = await world.follow(await world.namespace(), jobID, { readyWhen: 'Observed' });
    const running = await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const done = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(running.status.conditions).toEqual([
      condition('Ready', 'True', 'JobObserved'),
      condition('Succeeded', 'Unknown', 'JobRunning'),
      condition('Settled', 'True', 'JobObserved'),
      condition('Synced', 'True', 'JobRead'),
    ]);
    expect(has(done.status, 'Ready', 'True')).toBe(true);
    expect([running, done].map(kstatus)).toEqual(['Current', 'Current']);
  });

  it('leaves a failed job Ready and not Stalled; Succeeded and Finished report how it ended', async () => {
    const jobID = 'observed-failed';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Failed', reason: 'no quota' }));

    const ref = await world.follow(await world.namespace(), jobID, { readyWhen: 'Observed' });
    const seen = await world.untilStatus(ref, 'is Failed', ({ phase }) => phase === 'Failed');

    expect(seen.status.conditions).toEqual([
      expect.objectContaining({ type: 'Ready', status: 'True' }),
      condition('Succeeded', 'False', 'JobFailed', { message: /no quota/ }),
      condition('Finished', 'True', 'JobFailed'),
      condition('Settled', 'True', 'JobFailed'),
      condition('Synced', 'True', 'JobRead'),
    ]);
    expect(kstatus(seen)).toBe('Current');
  });
});

describe('what the spec and its annotations request', () => {
  it('does not poll while suspended, and goes on afterwards', async () => {
    const jobID = 'suspended-for-a-while';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const ref = await world.follow(await world.namespace(), jobID);
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    await world.patch(ref, { spec: { suspend: true } });
    const suspended = await world.untilStatus(ref, 'is Suspended', (s) => has(s, 'Suspended', 'True'));
    const calls = world.cloud.requests(jobID).length;
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    // Another object on the same operator is polled meanwhile: time enough to ask about this one.
    const other = 'polled-meanwhile';
    world.cloud.answer(other, reports({ uid: other, phase: 'Running' }));
    await world.follow(ref.namespace, other);
    await world.untilPolled(other, 3);
    const callsMeanwhile = world.cloud.requests(jobID).length - calls;
    await world.patch(ref, { spec: { suspend: false } });
    const done = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(suspended.status.conditions).toEqual([
      condition('Ready', 'Unknown', 'Suspended', { generation: 2 }),
      condition('Succeeded', 'Unknown', 'JobRunning', { generation: 2 }),
      condition('Synced', 'True', 'JobRead', { generation: 2 }),
      condition('Suspended', 'True', 'Suspended', { generation: 2 }),
    ]);
    expect(callsMeanwhile).toBe(0);
    expect(done.status.conditions?.map(({ type }) => type)).not.toContain('Suspended');
    expect([suspended, done].map(kstatus)).toEqual(['InProgress', 'Current']);
  });

  it('stalls a job that runs past activeDeadlineSeconds, follows it still, and heals when it succeeds', async () => {
    const jobID = 'runs-too-long';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));

    const ref = await world.follow(await world.namespace(), jobID, { activeDeadlineSeconds: 1 });
    const late = await world.untilStatus(ref, 'is Stalled', (s) => has(s, 'Stalled', 'True'));
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const done = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(late.status.conditions).toEqual([
      condition('Ready', 'False', 'DeadlineExceeded'),
      condition('Succeeded', 'Unknown', 'DeadlineExceeded'),
      condition('Settled', 'True', 'DeadlineExceeded'),
      condition('Synced', 'True', 'JobRead'),
      condition('Stalled', 'True', 'DeadlineExceeded'),
    ]);
    expect([late, done].map(kstatus)).toEqual(['Failed', 'Current']);
  });

  it.each(['cloudjob.dev/requestedAt', 'reconcile.fluxcd.io/requestedAt'])(
    'polls at once when %s requests it, and echoes it',
    async (annotation) => {
      const jobID = `poll-now-${annotation.length}`;
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
      const ref = await world.follow(await world.namespace(), jobID, { pollIntervalSeconds: 86_400 });
      await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      const requested = '2026-02-03T10:00:00.5Z';
      await world.patch(ref, { metadata: { annotations: { [annotation]: requested } } });
      const seen = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

      expect(seen.status.lastHandledReconcileAt).toBe(requested);
      expect(world.cloud.requests(jobID)).toHaveLength(2);
    },
  );

  it('says InvalidSpec of a region that the operator does not have, without asking anybody', async () => {
    const jobID = 'region-unheard-of';

    const ref = await world.follow(await world.namespace(), jobID, { region: 'atlantis-1' });
    const seen = await world.untilStatus(ref, 'is Stalled', (s) => has(s, 'Stalled', 'True'));

    const problem = { message: /atlantis-1/ };
    expect(seen.status.conditions).toEqual([
      condition('Ready', 'False', 'InvalidSpec', problem),
      condition('Succeeded', 'Unknown', 'InvalidSpec', problem),
      condition('Settled', 'True', 'InvalidSpec', problem),
      condition('Synced', 'Unknown', 'InvalidSpec', problem),
      condition('Stalled', 'True', 'InvalidSpec', problem),
    ]);
    expect(world.cloud.requests(jobID)).toEqual([]);
    expect(kstatus(seen)).toBe('Failed');
  });

  it('takes project and region from the Secret when the spec names none', async () => {
    const jobID = 'named-by-the-secret';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const namespace = await world.namespace();
    await world.putSecret(namespace, {
      token: tokenOf(namespace),
      projectID: 'project-of-secret',
      region: world.regionOf(namespace),
    });

    const ref = await world.follow(namespace, jobID, { projectID: undefined, region: undefined });
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(world.cloud.requests(jobID).map(({ path }) => path)).toEqual([
      `/api/v3/projects/project-of-secret/jobs/${jobID}`,
    ]);
  });

  it("never shows one job's state for another when an object of the same name follows", async () => {
    const namespace = await world.namespace();
    world.cloud.answer('first-job', reports({ uid: 'first-job', type: 'CreateCluster', phase: 'Success' }));
    const ref = await world.follow(namespace, 'first-job');
    const first = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    await world.delete(ref);
    world.cloud.answer('second-job', reports({ uid: 'second-job', phase: 'Running' }));
    await world.createCloudJob(namespace, ref.name, { jobID: 'second-job' });
    const second = await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    expect(second.status).toMatchObject({ jobID: 'second-job' });
    expect(second.status).not.toHaveProperty('type');
    const versions = world.versions(ref).filter(({ metadata }) => metadata.uid === second.metadata.uid);
    expect(JSON.stringify(versions.map((version) => version.status))).not.toContain('first-job');
  });
});

describe('a job that does not change', () => {
  it('is polled without a write and without an event', async () => {
    const jobID = 'nothing-new';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const ref = await world.follow(await world.namespace(), jobID, { pollIntervalSeconds: 1 });
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');
    await world.untilPolled(jobID, 2);
    const before = await world.get(ref);

    await world.untilPolled(jobID, 3);

    expect((await world.get(ref)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(await world.events(ref)).toEqual(['Observed']);
  });
});
