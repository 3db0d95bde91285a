import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from '@jest/globals';
import * as z from 'zod';
import { ApiProxy } from '../support/apiProxy.js';
import { reports } from '../support/jobs.js';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

// Like the suite of two replicas, these tests mostly wait for Leases, so they wait together.
const world = await World.start();
const doors: ApiProxy[] = [];
afterAll(async () => {
  await world.stop();
  await Promise.all(doors.map((door) => door.stop()));
}, 60_000);

const SHARDS = 4;
const JOBS = 16;
/** How long the test leaves the process frozen: twice the time after which its Leases may be taken. */
const FROZEN_MS = 30_000;
const leasesSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ holderIdentity: z.string().optional() }),
    }),
  ),
});

interface Replica {
  readonly process: OperatorProcess;
  readonly door: ApiProxy;
}

async function start(namespace: string, shards = SHARDS): Promise<Replica> {
  const door = await ApiProxy.start(world.upstream);
  doors.push(door);
  const process = world.launch({ door: door.port, namespaces: [namespace], shards });
  await process.ready();
  return { process, door };
}

/** How many shards each replica holds, most first. */
async function loads(namespace: string): Promise<number[]> {
  const { body } = await world.client.get(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`);
  const counts = new Map<string, number>();
  for (const { metadata, spec } of leasesSchema.parse(body).items) {
    if (!metadata.name.includes('-shard-') || !spec.holderIdentity) continue;
    counts.set(spec.holderIdentity, (counts.get(spec.holderIdentity) ?? 0) + 1);
  }
  return [...counts.values()].toSorted((a, b) => b - a);
}

/** Milliseconds until the shards are spread like that over the replicas. */
async function untilLoads(namespace: string, wanted: readonly number[]): Promise<number> {
  const since = performance.now();
  let last: number[] = [];
  await until(
    `the shards to be spread ${wanted.join(':')}`,
    async () => {
      last = await loads(namespace);
      return last.join(':') === wanted.join(':');
    },
    90_000,
    () => `they are spread ${last.join(':')}`,
  );
  return performance.now() - since;
}

/** A replica that takes over reads from the cloud's times for how long the job is unchanged. */
function changedNow(uid: string, phase: string) {
  return reports({ uid, phase, updated: new Date().toISOString() });
}

async function followMany(namespace: string, phase: string): Promise<Ref[]> {
  const jobIDs = Array.from({ length: JOBS }, (_, index) => `shared-${index}-${namespace}`);
  for (const jobID of jobIDs) world.cloud.answer(jobID, changedNow(jobID, phase));
  const refs = await Promise.all(jobIDs.map((jobID) => world.follow(namespace, jobID)));
  await reach(refs, phase);
  return refs;
}

/** The jobs go on to that phase, and all statuses say so. */
async function reach(refs: readonly Ref[], phase: string): Promise<void> {
  for (const { name } of refs) world.cloud.answer(name, changedNow(name, phase));
  for (const ref of refs) {
    await world.untilStatus(ref, `is ${phase}`, (status) => status.phase === phase, 60_000);
  }
}

async function expectStory(refs: readonly Ref[], phases: readonly string[], events: readonly string[]) {
  for (const ref of refs) {
    const seen = world.versions(ref).map(({ status }) => status?.phase);
    expect(seen.filter((phase, index) => phase !== undefined && phase !== seen[index - 1])).toEqual(phases);
    expect(await world.events(ref)).toEqual(events);
  }
}

it.concurrent(
  'shares the work evenly with replicas that come, and within 3 s when one is to stop',
  async () => {
    const namespace = await world.namespace();
    const first = await start(namespace);
    const refs = await followMany(namespace, 'Initializing');
    expect(await loads(namespace)).toEqual([SHARDS]);
    const second = await start(namespace);
    await untilLoads(namespace, [2, 2]);
    await reach(refs, 'Running');

    // On a busy machine a process may be late; not three times in a row.
    const times: number[] = [];
    let [from, to] = [first, second];
    while (times.length < 3 && !times.some((ms) => ms < 3_000)) {
      if (times.length > 0) {
        [from, to] = [to, await start(namespace)];
        await untilLoads(namespace, [2, 2]);
      }
      const [exit, ms] = await Promise.all([from.process.stop(), untilLoads(namespace, [SHARDS])]);
      expect(exit).toEqual({ code: 0, signal: null });
      times.push(ms);
    }
    await reach(refs, 'Success');

    expect(Math.min(...times)).toBeLessThan(3_000);
    expect(second.door.writes.length).toBeGreaterThan(0);
    await expectStory(
      refs,
      ['Initializing', 'Running', 'Success'],
      ['Observed', 'PhaseChanged', 'Succeeded'],
    );
  },
  240_000,
);

it.concurrent(
  'shares the work of a replica that is killed among the others within 20 s',
  async () => {
    const namespace = await world.namespace();
    const [first] = [await start(namespace), await start(namespace), await start(namespace)];
    await untilLoads(namespace, [2, 1, 1]);
    const refs = await followMany(namespace, 'Running');

    for (const { name } of refs) world.cloud.answer(name, changedNow(name, 'Paused'));
    const [, ms] = await Promise.all([first.process.kill9(), untilLoads(namespace, [2, 2])]);
    await reach(refs, 'Paused');
    await reach(refs, 'Failed');

    expect(ms).toBeLessThan(20_000);
    await expectStory(refs, ['Running', 'Paused', 'Failed'], ['Observed', 'PhaseChanged', 'Failed']);
  },
  240_000,
);

it.concurrent(
  'lets a replica with another number of shards work when those with the old one have stopped, and not before',
  async () => {
    const namespace = await world.namespace();
    const old = await start(namespace);
    const refs = await followMany(namespace, 'Running');
    const young = await start(namespace, 2);
    await until(
      'the replica with another number to say that it stands by',
      () => young.process.log.some((line) => line.includes('work with another number of shards')),
      60_000,
      () => young.process.logTail(),
    );
    await reach(refs, 'Paused');
    expect(await loads(namespace)).toEqual([SHARDS]);
    expect(young.door.writes).toEqual([]);

    expect(await old.process.stop()).toEqual({ code: 0, signal: null });
    await untilLoads(namespace, [2]);
    await reach(refs, 'Success');

    await expectStory(refs, ['Running', 'Paused', 'Success'], ['Observed', 'PhaseChanged', 'Succeeded']);
  },
  240_000,
);

it.concurrent(
  'lets a replica that was frozen until others had its shards write nothing more',
  async () => {
    const namespace = await world.namespace();
    const frozen = await start(namespace);
    await start(namespace);
    await untilLoads(namespace, [2, 2]);
    const refs = await followMany(namespace, 'Running');

    frozen.process.freeze();
    const frozenAt = performance.now();
    await untilLoads(namespace, [SHARDS]);
    await reach(refs, 'Paused');
    await delay(Math.max(0, frozenAt + FROZEN_MS - performance.now()));
    frozen.process.thaw();
    const exit = await frozen.process.exited;
    await reach(refs, 'Success');

    expect(exit).toEqual({ code: 1, signal: null });
    expect(frozen.door.writes.filter(({ at }) => at > frozenAt)).toEqual([]);
    await expectStory(refs, ['Running', 'Paused', 'Success'], ['Observed', 'PhaseChanged', 'Succeeded']);
  },
  240_000,
);
