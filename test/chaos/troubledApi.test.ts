import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from '@jest/globals';
import { ApiProxy, type Treatment } from '../support/apiProxy.js';
import { reports } from '../support/jobs.js';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { TcpProxy } from '../support/tcpProxy.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

// Each test has an operator of its own, and mostly waits.
const world = await World.start();
const doors: { stop(): Promise<void> }[] = [];
afterAll(async () => {
  await world.stop();
  await Promise.all(doors.map((door) => door.stop()));
}, 60_000);

/** How long the API server says nothing at all. */
const STALL_MS = 5_000;
/** Calls that have to be refused before the API server is well again. */
const REFUSALS = 5;
/** The operator's to the API server, but for watches. */
const CONNECTIONS = 32;
/** A Lease lasts 15 s and is renewed every 2 s. */
const LEASE_RENEWALS = 8;
const INTERRUPTED = '"list or watch interrupted, trying again"';

interface Scene {
  readonly operator: OperatorProcess;
  readonly door: ApiProxy;
  /** Where the operator finds the door. */
  readonly address: TcpProxy;
}
type Trouble = (scene: Scene) => Promise<void>;

async function startDoor(): Promise<ApiProxy> {
  const door = await ApiProxy.start(world.upstream);
  doors.push(door);
  return door;
}

function refusing(treatment: Exclude<Treatment, 'pass' | 'hang'>): Trouble {
  return async ({ door }) => {
    let refused = 0;
    door.treat = () => {
      refused += 1;
      return treatment;
    };
    // The watch would bring what is new, were it not cut.
    door.cut();
    await until('the operator to be refused', () => refused >= REFUSALS, 60_000);
    door.treat = () => 'pass';
  };
}

it.concurrent.each<readonly [string, Trouble]>([
  [
    'says nothing for a while',
    async ({ door }) => {
      door.stall();
      await delay(STALL_MS);
      door.flow();
    },
  ],
  ['resets every connection', refusing('reset')],
  ['answers 429', refusing({ status: 429, headers: { 'retry-after': '1' } })],
  ['answers 500', refusing({ status: 500 })],
  ['answers 503', refusing({ status: 503 })],
  [
    'goes away and comes back on another port, behind a proxy',
    async ({ operator, door, address }) => {
      await door.stop();
      await until('the operator to miss it', () => operator.log.some((line) => line.includes(INTERRUPTED)));
      const { port } = await startDoor();
      address.target = { host: '127.0.0.1', port };
    },
  ],
])(
  'an API server that %s is waited for, and nothing is lost, wrong or reported twice',
  async (_, trouble) => {
    const namespace = await world.namespace();
    const door = await startDoor();
    const address = await TcpProxy.start({ host: '127.0.0.1', port: door.port });
    doors.push({ stop: () => address.shut() });
    const operator = world.launch({ door: address.port, namespaces: [namespace] });
    await operator.ready();
    const jobID = `troubled-${namespace}`;
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const ref = await world.follow(namespace, jobID);
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running', 60_000);

    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const begun = trouble({ operator, door, address });
    // Nothing can report this one until the trouble is over.
    const lateID = `late-${namespace}`;
    world.cloud.answer(lateID, reports({ uid: lateID, phase: 'Failed' }));
    const late = await world.follow(namespace, lateID);
    await begun;
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
    await world.untilStatus(late, 'is Failed', ({ phase }) => phase === 'Failed', 60_000);

    expect(operator.exit).toBeUndefined();
    await until('the first events', async () => (await world.events(ref)).length >= 2);
    expect((await world.events(ref)).toSorted()).toEqual(['Observed', 'Succeeded']);
    await until('the other events', async () => (await world.events(late)).length >= 2);
    expect((await world.events(late)).toSorted()).toEqual(['Failed', 'Observed']);
  },
  240_000,
);

it.concurrent(
  'a namespace that may not be read keeps nobody else waiting, is reported, and is followed once it may be',
  async () => {
    const [good, lost] = [await world.namespace(), await world.namespace()];
    const door = await startDoor();
    const isLost = (path: string): boolean => path.includes(`/namespaces/${lost}/cloudjobs`);
    door.treat = ({ path }) => (isLost(path) ? { status: 403 } : 'pass');
    const refs = await Promise.all(
      [good, lost].map((namespace) => {
        const jobID = `job-${namespace}`;
        world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
        return world.follow(namespace, jobID);
      }),
    );
    const [followed, waiting] = refs as [Ref, Ref];
    const operator = world.launch({ door: door.port, namespaces: [good, lost] });
    await operator.ready();
    await world.untilStatus(followed, 'is Running', ({ phase }) => phase === 'Running', 60_000);

    const during = [await operator.http('/readyz'), await operator.http('/metrics')] as const;
    expect(during[0].text).toContain(`ok\nCloudJobs of namespace ${lost} are not watched: `);
    expect(during[1].text).toContain(`cloudjob_watch_up{namespace="${lost}"} 0\n`);
    expect(during[1].text).toContain(`cloudjob_watch_up{namespace="${good}"} 1\n`);

    door.treat = () => 'pass';
    await world.untilStatus(waiting, 'is Running', ({ phase }) => phase === 'Running', 60_000);
    expect((await operator.http('/readyz')).text).toBe('ok');
    const lines = operator.log.filter((line) => line.includes(INTERRUPTED) && line.includes('"warn"'));
    expect(lines).toHaveLength(1);
  },
  240_000,
);

it.concurrent(
  'an API server that answers no write of a status costs nobody the Lease',
  async () => {
    const namespace = await world.namespace();
    const door = await startDoor();
    const operator = world.launch({ door: door.port, namespaces: [namespace] });
    await operator.ready();
    let hanging = 0;
    door.treat = ({ path }) => {
      if (!path.includes('/status')) return 'pass';
      hanging += 1;
      return 'hang';
    };
    const jobIDs = Array.from({ length: 2 * CONNECTIONS }, (_, index) => `hanging-${index}-${namespace}`);
    for (const jobID of jobIDs) world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const refs = await Promise.all(jobIDs.map((jobID) => world.follow(namespace, jobID)));
    await until('all connections to be taken', () => hanging >= CONNECTIONS, 60_000);

    const renewals = (): number =>
      door.calls.filter(({ method, path }) => method === 'PATCH' && path.includes('/leases/')).length;
    const before = renewals();
    await until(
      'the Lease to be renewed for longer than it lasts',
      () => operator.exit !== undefined || renewals() > before + LEASE_RENEWALS,
      60_000,
      () => operator.logTail(),
    );
    expect(operator.exit).toBeUndefined();

    door.treat = () => 'pass';
    door.cut();
    for (const ref of refs) {
      await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running', 60_000);
    }
  },
  240_000,
);
