import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tells, type JobScript } from '../support/jobs.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

const JOBS = 40;

let world: World;
beforeAll(async () => {
  world = await World.start();
  await world.startOperator();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

function jobOf(uid: string, phase: string): JobScript {
  return { uid, type: 'CreateNode', phase, subJobs: [{ uid: `${uid}-a`, type: 'InstallNode', phase }] };
}

/** As the v2 API shows it. */
function entry(uid: string, phase: string): object {
  return {
    kind: 'Job',
    apiVersion: 'v2',
    metadata: { uid },
    spec: {
      type: 'CreateNode',
      subjobs: [{ metadata: { uid: `${uid}-a` }, spec: { type: 'InstallNode' }, status: { status: phase } }],
    },
    status: { status: phase },
  };
}

async function followAll(prefix: string, phases: Map<string, string>): Promise<Ref[]> {
  const namespace = await world.namespace();
  const ids = Array.from({ length: JOBS }, (_, index) => `${prefix}-${index}`);
  for (const uid of ids) {
    phases.set(uid, 'Running');
    world.cloud.answer(uid, tells(jobOf(uid, 'Running')));
  }
  const refs = await Promise.all(ids.map((uid) => world.follow(namespace, uid)));
  for (const ref of refs)
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running', 60_000);
  return refs;
}

async function endOf(ref: Ref): Promise<unknown> {
  const { status } = await world.untilStatus(ref, 'has ended', ({ phase }) => phase === 'Success', 60_000);
  const { conditions = [], subJobs, ...rest } = status;
  return {
    ...rest,
    jobID: undefined,
    subJobs: (subJobs as readonly { phase?: string }[] | undefined)?.map(({ phase }) => phase),
    conditions: conditions.map(({ type, status: is, reason }) => [type, is, reason]),
  };
}

/** What the cloud was asked about them, and for the list. */
function callsFor(refs: readonly Ref[]): number {
  return refs.reduce((sum, { name }) => sum + world.cloud.requests(name).length, world.cloud.lists);
}

async function confirmed(): Promise<number> {
  const { text } = await world.operator.http('/metrics');
  return Number(/^cloudjob_looks_total\{outcome="unchanged",code=""\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

it('40 CloudJobs of one project are polled by the list of its jobs, and end the same without it', async () => {
  const phases = new Map<string, string>();
  const without = await followAll('single', phases);
  await until('the list to be asked for in vain', () => world.cloud.lists > 0, 60_000);
  expect(await confirmed()).toBe(0);

  world.cloud.answerList(() => ({ body: [...phases].map(([uid, phase]) => entry(uid, phase)) }));
  const listed = await followAll('listed', phases);
  await until('the list to stand in for many looks', async () => (await confirmed()) > 2 * JOBS, 120_000);
  const saved = await confirmed();
  const made = callsFor(listed);
  await until('as many again', async () => (await confirmed()) >= saved + 2 * JOBS, 120_000);
  // One call for the list does for all of them; without it each of these had been a call.
  expect(callsFor(listed) - made).toBeLessThan(JOBS);
  for (const { name } of [...without, ...listed]) {
    phases.set(name, 'Success');
    world.cloud.answer(name, tells(jobOf(name, 'Success')));
  }
  const [first, ...others] = await Promise.all([...without, ...listed].map(endOf));
  for (const other of others) expect(other).toEqual(first);
}, 400_000);
