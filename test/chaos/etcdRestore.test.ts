import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { ApiProxy } from '../support/apiProxy.js';
import { ControlPlane, controlPlaneDir } from '../support/controlPlane.js';
import { reports } from '../support/jobs.js';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

/** Versions that the cluster goes through after the backup: it is minutes of work until it is there again. */
const LOST_VERSIONS = 2_000;
/** From the API server's return on; a watch that nobody doubts would be silent for longer. */
const NOTICED_MS = 45_000;

describeWhen(
  realKubeconfig !== undefined && controlPlaneDir !== undefined,
  'CLOUDJOB_TEST_CONTROL_PLANE_DIR names no control plane whose processes may be killed',
)('an etcd that was restored from a backup', () => {
  const plane = new ControlPlane(controlPlaneDir ?? '');
  const backup = mkdtempSync(join(tmpdir(), 'cloudjob-etcd-'));
  let world: World;
  let door: ApiProxy;
  let namespace: string;
  let operator: OperatorProcess;
  beforeAll(async () => {
    world = await World.start();
    door = await ApiProxy.start(world.upstream);
  }, 90_000);
  beforeEach(async () => {
    namespace = await world.namespace();
    // Without a Lease: whoever loses it starts anew, and a start heals everything.
    operator = world.launch({ door: door.port, namespaces: [namespace], leaderElect: false });
    await operator.working();
  }, 90_000);
  afterEach(async () => {
    await operator.stop();
    rmSync(join(backup, 'data'), { recursive: true });
  });
  afterAll(async () => {
    await world?.stop();
    await door?.stop();
    rmSync(backup, { recursive: true });
  }, 60_000);

  async function served(path: string): Promise<boolean> {
    try {
      return (await world.client.get(path)).status === 200;
    } catch {
      return false;
    }
  }

  async function untilServed(): Promise<void> {
    const path = `/apis/cloudjob.dev/v1alpha1/namespaces/${namespace}/cloudjobs`;
    await until(
      'the API server to serve CloudJobs',
      async () => (await served('/readyz')) && served(path),
      90_000,
    );
  }

  /** The tests' own watch knows nothing of restores, so this one reads. */
  async function untilPhase(ref: Ref, phase: string): Promise<void> {
    await until(
      `${ref.name} to be ${phase}`,
      async () => (await world.get(ref)).status?.phase === phase,
      NOTICED_MS,
      () => operator.logTail(),
    );
  }

  async function follow(jobID: string, phase: string): Promise<Ref> {
    world.cloud.answer(jobID, reports({ uid: jobID, phase }));
    const ref = await world.follow(namespace, jobID);
    await untilPhase(ref, phase);
    return ref;
  }

  async function passVersions(count: number): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await world.client.post(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'busy' } });
    for (let version = 0; version < count; version += 1) {
      await world.client.mergePatch(`${path}/busy`, { data: { version: String(version) } });
    }
  }

  /** @param back what happens between the API server's return and the operator's; left out: it is there all the time */
  async function restore(lostVersions: number, back?: () => Promise<void>): Promise<void> {
    const changed = await follow(`changed-${namespace}`, 'Running');
    const returned = await follow(`returned-${namespace}`, 'Running');
    await plane.backUp(join(backup, 'data'));
    await untilServed();

    await world.delete(returned);
    const lost = await follow(`lost-${namespace}`, 'Running');
    world.cloud.answer(changed.name, reports({ uid: changed.name, phase: 'Success' }));
    await untilPhase(changed, 'Success');
    await passVersions(lostVersions);

    if (back !== undefined) door.treat = () => 'reset';
    door.cut();
    await plane.restore(join(backup, 'data'));
    await untilServed();
    plane.start('controller-manager');
    await back?.();
    door.treat = () => 'pass';
    world.cloud.answer(returned.name, reports({ uid: returned.name, phase: 'Failed' }));
    await untilPhase(changed, 'Success');
    await untilPhase(returned, 'Failed');
    const requests = world.cloud.requests(lost.name).length;
    await follow(`new-${namespace}`, 'Running');
    await world.untilPolled(`new-${namespace}`, 3);

    expect(world.cloud.requests(lost.name)).toHaveLength(requests);
    expect(operator.exit).toBeUndefined();
    await follow(lost.name, 'Running');
  }

  it('is noticed: what the restore took, gave back and changed is followed as it is now', async () => {
    await restore(LOST_VERSIONS);
  }, 300_000);

  it('is noticed although its versions have overtaken the old ones when the operator is back', async () => {
    const attempts = (): number => operator.log.filter((line) => line.includes('interrupted')).length;
    await restore(100, async () => {
      await passVersions(500);
      await until('the operator to have tried for seconds', () => attempts() >= 3, 60_000);
    });
  }, 300_000);
});
