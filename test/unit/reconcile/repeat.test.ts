import { describe, expect, it } from '@jest/globals';
import type { Observation } from '../../../src/cloud/job.js';
import { after, cloudJob, conditionsOf, job, read } from '../../support/cloudJobs.js';
import { ReconcilerWorld } from './reconcilerWorld.js';

const RUNNING: Observation = { kind: 'job', job: job('Running') };
const SUCCESS: Observation = { kind: 'job', job: job('Success') };
const REJECTED: Observation = { kind: 'error', error: { class: 'unauthorized', message: 'no' } };

/** A world whose CloudJob has been looked at once and found running, and how often it was read until then. */
async function settledWorld(spec: Readonly<Record<string, unknown>> = {}) {
  const world = new ReconcilerWorld(cloudJob(spec));
  await world.pass();
  return { world, gets: world.store.gets };
}

describe('a look that is answered as before', () => {
  it('does not read the object, and is followed by the next one', async () => {
    const { world, gets } = await settledWorld();
    await world.clock.advance(2_000);

    const result = await world.pass();

    expect(world.reads).toBe(2);
    expect(world.store.gets).toBe(gets);
    expect(world.store.written).toHaveLength(1);
    expect(result).toEqual({ kind: 'requeue', afterMs: 4_000 });
  });

  it('is not made when the pass comes too early, as after the own write', async () => {
    const { world, gets } = await settledWorld();
    await world.clock.advance(500);

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: 1_500 });
    expect([world.reads, world.store.gets]).toEqual([1, gets]);
  });

  it('counts as a good look', async () => {
    const { world } = await settledWorld({ observationDeadlineSeconds: 5 });
    for (let looks = 0; looks < 5; looks += 1) {
      await world.clock.advance(4_000);
      await world.pass();
    }

    expect(conditionsOf(world.object)).toMatchObject({ Synced: 'True/JobRead', Ready: 'Unknown/JobRunning' });
  });

  it('is not enough when a deadline falls due', async () => {
    const { world } = await settledWorld({ activeDeadlineSeconds: 9, pollIntervalSeconds: 30 });

    const early = await world.pass();
    await world.clock.advance(4_000);
    await world.pass();

    expect(early).toEqual({ kind: 'requeue', afterMs: 4_000 });
    expect(conditionsOf(world.object)).toMatchObject({ Stalled: 'True/DeadlineExceeded' });
  });

  it('is not enough when the object has changed', async () => {
    const { world } = await settledWorld();
    world.edit({ spec: { readyWhen: 'Observed' } });
    await world.clock.advance(2_000);
    await world.pass();

    expect(conditionsOf(world.object)).toMatchObject({ Ready: 'True/JobObserved' });
  });
});

describe('a list that stands in for a look', () => {
  it('and shows the job unchanged costs no call, and counts as a good look', async () => {
    const { world, gets } = await settledWorld({ observationDeadlineSeconds: 5 });
    const asked: string[] = [];
    world.reader.list = (digest) => {
      asked.push(digest);
      return 'unchanged';
    };
    for (let looks = 0; looks < 5; looks += 1) {
      await world.clock.advance(4_000);
      await world.pass();
    }

    expect(new Set(asked)).toEqual(new Set([JSON.stringify(job('Running'))]));
    expect([world.reads, world.store.gets]).toEqual([1, gets]);
    expect(conditionsOf(world.object)).toMatchObject({ Synced: 'True/JobRead' });
  });

  it('and is waited for is waited for no longer than until a deadline falls due', async () => {
    const { world } = await settledWorld({ activeDeadlineSeconds: 9 });
    world.reader.list = () => 'waiting';
    await world.clock.advance(2_000);

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: 2_000 });
    await world.clock.advance(2_000);
    await world.pass();
    expect(conditionsOf(world.object)).toMatchObject({ Stalled: 'True/DeadlineExceeded' });
  });

  it('and is waited for is asked about again in half a minute, whoever forgets to wake', async () => {
    const { world } = await settledWorld();
    world.reader.list = () => 'waiting';
    await world.clock.advance(2_000);

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: 30_000 });
    expect(world.reads).toBe(1);
  });

  it('is not asked about an object that has changed, or whose first look is due', async () => {
    const { world } = await settledWorld();
    world.reader.list = () => {
      throw new Error('it is of no use here');
    };
    world.edit({ spec: { readyWhen: 'Observed' } });
    await world.clock.advance(2_000);
    await world.pass();

    expect(world.reads).toBe(2);
  });
});

describe('a look that is answered otherwise', () => {
  it('is made something of without asking twice', async () => {
    const { world } = await settledWorld();
    world.reader.answers = [SUCCESS];
    await world.clock.advance(2_000);
    await world.pass();

    expect(world.object.status.phase).toBe('Success');
    expect(world.reads).toBe(2);
  });

  it('by a refusal is tried with the renewed Secret', async () => {
    const { world } = await settledWorld();
    world.reader.answers = [REJECTED, SUCCESS];
    world.secrets.token = 'second';
    await world.clock.advance(2_000);
    await world.pass();

    const [, before, renewed] = world.reader.reads.map(({ target }) => target.authenticator.fingerprint);
    expect(world.reads).toBe(3);
    expect(renewed).not.toBe(before);
    expect(world.object.status.phase).toBe('Success');
  });

  it('goes on being answered as before after the failure has passed', async () => {
    const { world } = await settledWorld({ pollIntervalSeconds: 5 });
    world.reader.answers = [{ kind: 'error', error: { class: 'transient', message: 'no' } }, RUNNING];
    for (let looks = 0; looks < 3; looks += 1) {
      await world.clock.advance(10_000);
      await world.pass();
    }
    const { gets } = world.store;
    await world.clock.advance(10_000);
    await world.pass();

    expect(world.reads).toBe(5);
    expect(world.store.gets).toBe(gets);
  });
});

it('a known Secret that was read anew is used from the next look on', async () => {
  const { world } = await settledWorld();
  world.secrets.token = 'second';
  await world.clock.advance(300_000);
  await world.pass();

  const [first, second] = world.reader.reads.map(({ target }) => target.authenticator.fingerprint);
  expect(second).not.toBe(first);
});

it('a CloudJob that rests is let go of, and found again when it changes', async () => {
  const world = new ReconcilerWorld(after(cloudJob(), read('Success')));
  world.store.resting.add('infra/scale-up');

  expect(await world.pass()).toEqual({ kind: 'done' });
  expect(world.reader.forgotten).toEqual(['infra/scale-up']);
  expect([world.reads, world.store.gets]).toEqual([0, 0]);
});
