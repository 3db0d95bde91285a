import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from '@jest/globals';
import { ApiProxy } from '../support/apiProxy.js';
import { reports } from '../support/jobs.js';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

// The tests of this suite mostly wait for a Lease to expire, each with two replicas and a Lease of its own, so they
// wait together.
const world = await World.start();
const doors: ApiProxy[] = [];
afterAll(async () => {
  await world.stop();
  await Promise.all(doors.map((door) => door.stop()));
}, 60_000);

/** How long the test leaves the process frozen: twice the time after which its Lease may be taken. */
const FROZEN_MS = 30_000;

interface Replica {
  readonly process: OperatorProcess;
  readonly door: ApiProxy;
}

interface Pair {
  readonly namespace: string;
  readonly leader: Replica;
  readonly standby: Replica;
}

async function start(namespace: string): Promise<Replica> {
  const door = await ApiProxy.start(world.upstream);
  doors.push(door);
  return { process: world.launch({ door: door.port, namespaces: [namespace] }), door };
}

async function startPair(): Promise<Pair> {
  const namespace = await world.namespace();
  const leader = await start(namespace);
  await untilLeading(leader);
  const standby = await start(namespace);
  await standby.process.ready();
  return { namespace, leader, standby };
}

/** Milliseconds until the replica says that it leads. */
async function untilLeading({ process }: Replica): Promise<number> {
  const since = performance.now();
  await until(
    'the replica to lead',
    () => process.log.some((line) => line.includes('"lease acquired"')),
    60_000,
    () => process.logTail(),
  );
  return performance.now() - since;
}

/** A CloudJob of a job in that phase, once the status says so. */
async function follow(namespace: string, what: string, phase: string): Promise<Ref> {
  const jobID = `${what}-${namespace}`;
  world.cloud.answer(jobID, reports({ uid: jobID, phase }));
  const ref = await world.follow(namespace, jobID);
  await reach(ref, phase);
  return ref;
}

/** The job goes on to that phase, and the status says so. */
async function reach(ref: Ref, phase: string): Promise<void> {
  world.cloud.answer(ref.name, reports({ uid: ref.name, phase }));
  await world.untilStatus(ref, `is ${phase}`, (status) => status.phase === phase, 60_000);
}

/** The phases that the object has had, in order, by what the API server sent. */
function phasesOf(ref: Ref): (string | undefined)[] {
  const phases = world.versions(ref).map(({ status }) => status?.phase);
  return phases.filter((phase, index) => phase !== undefined && phase !== phases[index - 1]);
}

it.concurrent(
  'hands over within 3 s when it is to stop',
  async () => {
    const { namespace, leader, standby } = await startPair();
    const ref = await follow(namespace, 'handover', 'Initializing');
    await reach(ref, 'Running');

    // On a busy machine a process may be late; not three times in a row.
    const times: number[] = [];
    let [from, to] = [leader, standby];
    while (times.length < 3 && !times.some((ms) => ms < 3_000)) {
      if (times.length > 0) {
        [from, to] = [to, await start(namespace)];
        await to.process.ready();
      }
      const [exit, ms] = await Promise.all([from.process.stop(), untilLeading(to)]);
      expect(exit).toEqual({ code: 0, signal: null });
      times.push(ms);
    }
    await reach(ref, 'Success');

    expect(Math.min(...times)).toBeLessThan(3_000);
    expect(phasesOf(ref)).toEqual(['Initializing', 'Running', 'Success']);
    expect(await world.events(ref)).toEqual(['Observed', 'PhaseChanged', 'Succeeded']);
  },
  120_000,
);

it.concurrent(
  'is replaced within 20 s when it is killed',
  async () => {
    const { namespace, leader, standby } = await startPair();
    const ref = await follow(namespace, 'killed', 'Initializing');
    await reach(ref, 'Running');

    world.cloud.answer(ref.name, reports({ uid: ref.name, phase: 'Paused' }));
    const [, ms] = await Promise.all([leader.process.kill9(), untilLeading(standby)]);
    await reach(ref, 'Paused');
    await reach(ref, 'Failed');

    expect(ms).toBeLessThan(20_000);
    expect(phasesOf(ref)).toEqual(['Initializing', 'Running', 'Paused', 'Failed']);
    expect(await world.events(ref)).toEqual(['Observed', 'PhaseChanged', 'PhaseChanged', 'Failed']);
  },
  120_000,
);

it.concurrent(
  'writes nothing more when it was frozen until another leads',
  async () => {
    const { namespace, leader, standby } = await startPair();
    const refs = await Promise.all(
      ['a', 'b', 'c'].map((one) => follow(namespace, `frozen-${one}`, 'Running')),
    );
    const [first, ...others] = refs;
    if (first === undefined) throw new Error('there is no CloudJob');
    // Frozen with a question to the cloud under way, and with the answer there when it wakes up.
    const answers = world.cloud.hold(first.name);
    await until('the leader to ask', () => answers.waiting > 0, 60_000);
    leader.process.freeze();
    const frozenAt = performance.now();
    answers.release(reports({ uid: first.name, phase: 'Success' }));

    await untilLeading(standby);
    for (const ref of others) await reach(ref, 'Paused');
    await delay(Math.max(0, frozenAt + FROZEN_MS - performance.now()));
    leader.process.thaw();
    const exit = await leader.process.exited;
    for (const ref of refs) await reach(ref, 'Success');

    expect(exit).toEqual({ code: 1, signal: null });
    expect(leader.door.writes.filter(({ at }) => at > frozenAt)).toEqual([]);
    expect(phasesOf(first)).toEqual(['Running', 'Success']);
    expect(await world.events(first)).toEqual(['Observed', 'Succeeded']);
    for (const ref of others) {
      expect(phasesOf(ref)).toEqual(['Running', 'Paused', 'Success']);
      expect(await world.events(ref)).toEqual(['Observed', 'PhaseChanged', 'Succeeded']);
    }
  },
  180_000,
);
