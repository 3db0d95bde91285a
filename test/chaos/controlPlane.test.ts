import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ControlPlane, controlPlaneDir } from '../support/controlPlane.js';
import { reports } from '../support/jobs.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { TcpProxy } from '../support/tcpProxy.js';
import { until } from '../support/until.js';
import { World } from '../support/world.js';

const STALL_MS = 5_000;
const WITHOUT_ETCD_MS = 30_000;
/** Polls in a row: an API server that has just started may take back once more what others serve through it. */
const STEADY = 30;
const SERVERS = ['apiserver', 'crdserver'];

describeWhen(
  realKubeconfig !== undefined && controlPlaneDir !== undefined,
  'CLOUDJOB_TEST_CONTROL_PLANE_DIR names no control plane whose processes may be killed',
)('a real control plane', () => {
  const plane = new ControlPlane(controlPlaneDir ?? '');
  /** Where everybody finds the API server: its own port, or the port of the proxy before it. */
  let address: number;
  let proxy: TcpProxy | undefined;
  let world: World;
  let namespace: string;
  beforeAll(async () => {
    world = await World.start();
    address = Number(world.client.server.port);
    namespace = await world.namespace();
    await world.startOperator([namespace]);
  }, 90_000);
  afterAll(async () => {
    if (proxy !== undefined) await comeBack();
    await world?.stop();
  }, 120_000);

  /** Restarts the API server on another port; behind a proxy it has the same address. */
  async function moveAway(): Promise<void> {
    const port = await freePort();
    await plane.kill('apiserver');
    // The kernel may take a moment more to free the port of a process that was killed.
    proxy = await until('the old port to be free', () =>
      TcpProxy.start({ host: '127.0.0.1', port }, address).catch(() => undefined),
    );
    plane.start('apiserver', port);
  }

  async function comeBack(): Promise<void> {
    await plane.kill('apiserver');
    await proxy?.shut();
    proxy = undefined;
    plane.start('apiserver', address);
    await untilServed();
  }

  async function untilServed(): Promise<void> {
    const path = `/apis/cloudjob.dev/v1alpha1/namespaces/${namespace}/cloudjobs`;
    const answers = (to: string): Promise<boolean> =>
      world.client.get(to).then(
        ({ status }) => status === 200,
        () => false,
      );
    let inRow = 0;
    await until(
      'the API server to serve CloudJobs for good',
      async () => {
        inRow = (await answers('/readyz')) && (await answers(path)) ? inRow + 1 : 0;
        return inRow >= STEADY;
      },
      90_000,
    );
  }

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
    ['is upgraded and starts on another port, behind a proxy', moveAway],
    ['is upgraded again and starts on its old port', comeBack],
  ])(
    'that %s is waited for, and nothing is lost, wrong or reported twice',
    async (what, trouble) => {
      const jobID = `plane-${what.replaceAll(/\W+/g, '-')}`;
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
      const ref = await world.follow(namespace, jobID);
      await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running', 60_000);

      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      await trouble();
      await untilServed();
      await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 90_000);
      await until('its events', async () => (await world.events(ref)).length >= 2, 60_000);

      // One that was away for too long has cost the Lease, and the operator was started again.
      expect(world.operator.exit).toBeUndefined();
      expect((await world.events(ref)).toSorted()).toEqual(['Observed', 'Succeeded']);
      const phases = world.versions(ref).map(({ status }) => status?.phase);
      expect([...new Set(phases.filter((phase) => phase !== undefined))]).toEqual(['Running', 'Success']);
    },
    300_000,
  );
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
