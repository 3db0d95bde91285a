import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import type { KubeObject } from '../support/kubeClient.js';
import { has, World, type Ref } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

/** A status of a job that has ended well, as the operator once wrote it, for another job. */
async function endedStatus(namespace: string, jobID: string): Promise<object> {
  const id = `ended-${randomBytes(4).toString('hex')}`;
  world.cloud.answer(id, reports({ uid: id, phase: 'Success' }));
  const ended = await world.untilStatus(await world.follow(namespace, id), 'has ended', isSuccess);
  return { ...ended.status, jobID };
}

function isSuccess(status: { readonly phase?: string | undefined }): boolean {
  return status.phase === 'Success';
}

/** Starts the operator anew, and waits until it has had time for all that was there at its start. */
async function restartOperator(namespace: string): Promise<void> {
  await world.stopOperator();
  await world.startOperator();
  const id = `later-${randomBytes(4).toString('hex')}`;
  world.cloud.answer(id, reports({ uid: id, phase: 'Running' }));
  await world.follow(namespace, id, { pollIntervalSeconds: 1 });
  await world.untilPolled(id, 8);
}

/** Creates the object of a backup anew, without what belongs to the old one, and then its status, as `restoreStatus` asks for. */
async function restoreAsVelero({ metadata, status, ...object }: KubeObject): Promise<void> {
  const { uid: _, resourceVersion: __, managedFields: ___, ...kept } = metadata;
  const labels = { 'velero.io/backup-name': 'nightly', 'velero.io/restore-name': 'nightly-again' };
  const path = `/apis/cloudjob.dev/v1alpha1/namespaces/${metadata.namespace}/cloudjobs`;
  const created = await world.client.post(path, { ...object, metadata: { ...kept, labels } });
  expect(created.status).toBe(201);
  const restored = { ...(created.body as object), status };
  const manager = 'fieldManager=velero-server';
  const { status: code } = await world.client.put(`${path}/${metadata.name}/status?${manager}`, restored);
  expect(code).toBe(200);
}

describe('an end of a job that is in the status', () => {
  it('and was written by somebody else is verified at once, and put right when the job still runs', async () => {
    const namespace = await world.namespace();
    await world.startOperator();
    world.cloud.answer('forged', reports({ uid: 'forged', phase: 'Running' }));
    const ref = await world.follow(namespace, 'forged', { pollIntervalSeconds: 3_600 });
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');
    const calls = world.cloud.requests('forged').length;

    await world.patchStatus(ref, await endedStatus(namespace, 'forged'));
    const put = await world.untilStatus(ref, 'is put right', ({ phase }) => phase === 'Running');

    expect(has(put.status, 'Ready', 'Unknown')).toBe(true);
    expect(world.cloud.requests('forged').length - calls).toBe(1);
    await world.stopOperator();
  }, 90_000);

  it('and came back from a backup is verified once, whatever restarts follow; the own end never', async () => {
    const namespace = await world.namespace();
    await world.startOperator();
    const own: Ref = { namespace, name: 'own' };
    world.cloud.answer('own', reports({ uid: 'own', phase: 'Success' }));
    await world.follow(namespace, 'own');
    await world.untilStatus(own, 'has ended', isSuccess);
    const status = await endedStatus(namespace, 'restored');
    await world.stopOperator();
    world.cloud.answer('restored', reports({ uid: 'restored', phase: 'Success' }));
    const ref = await world.follow(namespace, 'restored');
    await world.patchStatus(ref, status);

    await world.startOperator();
    await world.untilPolled('restored', 1);
    await restartOperator(namespace);
    await restartOperator(namespace);

    expect(world.cloud.requests('restored')).toHaveLength(1);
    expect(world.cloud.requests('own')).toHaveLength(1);
    expect((await world.get(ref)).status).toMatchObject({ phase: 'Success' });
    await world.stopOperator();
  }, 180_000);

  it.each(['as long as the cloud knows the job', 'although the cloud has forgotten the job'])(
    'and came back as Velero restores it is verified once, and stays, %s',
    async (when) => {
      const namespace = await world.namespace();
      const jobID = `velero-${randomBytes(4).toString('hex')}`;
      await world.startOperator();
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      const ref = await world.follow(namespace, jobID);
      const backup = await world.untilStatus(ref, 'has ended', isSuccess);
      await world.stopOperator();
      await world.delete(ref);
      if (when.includes('forgotten')) world.cloud.forget(jobID);

      await restoreAsVelero(backup);
      const calls = world.cloud.requests(jobID).length;
      await world.startOperator();
      await world.untilPolled(jobID, 1);
      await restartOperator(namespace);

      const restored = await world.get(ref);
      expect(restored.metadata.uid).not.toBe(backup.metadata.uid);
      expect(restored.status).toMatchObject({ phase: 'Success', jobID });
      expect(has(restored.status ?? {}, 'Ready', 'True')).toBe(true);
      expect(world.cloud.requests(jobID).length - calls).toBe(1);
      await world.stopOperator();
    },
    120_000,
  );

  it('is shown as the cloud has it now after a requested poll', async () => {
    const namespace = await world.namespace();
    await world.startOperator();
    world.cloud.answer('again', reports({ uid: 'again', phase: 'Success' }));
    const ref = await world.follow(namespace, 'again');
    await world.untilStatus(ref, 'has ended', isSuccess);

    world.cloud.answer('again', reports({ uid: 'again', phase: 'Running' }));
    const now = await world.pollNow(ref);

    expect(now.status.phase).toBe('Running');
    await world.stopOperator();
  }, 90_000);
});
