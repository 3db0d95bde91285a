import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ControlPlane, controlPlaneDir } from '../support/controlPlane.js';
import { tells } from '../support/jobs.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { until } from '../support/until.js';
import { World } from '../support/world.js';

const STALL_MS = 5_000;
const WITHOUT_ETCD_MS = 30_000;
const SERVERS = ['apiserver', 'crdserver'];

describeWhen(
  realKubeconfig !== undefined && controlPlaneDir !== undefined,
  'CLOUDJOB_TEST_CONTROL_PLANE_DIR names no control plane whose processes may be killed',
)('a real control plane', () => {
  const plane = new ControlPlane(controlPlaneDir ?? '');
  let world: World;
  let namespace: string;
  beforeAll(async () => {
    world = await World.start();
    namespace = await world.namespace();
    await world.startOperator([namespace]);
  }, 90_000);
  afterAll(async () => world?.stop(), 60_000);

  it.each<readonly [string, () => Promise<void>]>([
    [
      'stalls',
      async () => {
        for (const name of SERVERS) plane.freeze(name);
        await delay(STALL_MS);
        for (const name of SERVERS) plane.thaw(name);
      },
    ],
    [
      'loses its etcd for 30 s',
      async () => {
        await plane.kill('etcd');
        await delay(WITHOUT_ETCD_MS);
        plane.start('etcd');
      },
    ],
  ])(
    'that %s is waited for, and nothing is lost, wrong or told twice',
    async (what, trouble) => {
      const jobID = `plane-${what.replaceAll(' ', '-')}`;
      world.cloud.answer(jobID, tells({ uid: jobID, phase: 'Running' }));
      const ref = await world.follow(namespace, jobID);
      await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running', 60_000);

      world.cloud.answer(jobID, tells({ uid: jobID, phase: 'Success' }));
      await trouble();
      await until(
        'the API server to answer',
        async () => (await world.get(ref).catch(() => undefined)) !== undefined,
        90_000,
      );
      await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 90_000);
      await until('its events', async () => (await world.events(ref)).length >= 2, 60_000);

      expect(world.operator.exit).toBeUndefined();
      expect((await world.events(ref)).toSorted()).toEqual(['Observed', 'Succeeded']);
      const phases = world.versions(ref).map(({ status }) => status?.phase);
      expect([...new Set(phases.filter((phase) => phase !== undefined))]).toEqual(['Running', 'Success']);
    },
    300_000,
  );
});
