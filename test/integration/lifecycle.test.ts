import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { itWhen } from '../support/skips.js';
import { until } from '../support/until.js';
import { has, World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

describe('an operator that is killed', () => {
  it('goes on where it was: no write for what did not change, no call for what had finished', async () => {
    const namespace = await world.namespace();
    world.cloud.answer('kill-done', reports({ uid: 'kill-done', phase: 'Success' }));
    world.cloud.answer('kill-failed', reports({ uid: 'kill-failed', phase: 'Failed', reason: 'no quota' }));
    world.cloud.answer('kill-running', reports({ uid: 'kill-running', phase: 'Running' }));
    await world.startOperator();
    const refs = await Promise.all(
      ['kill-done', 'kill-failed', 'kill-running', 'kill-unknown'].map((jobID) =>
        world.follow(namespace, jobID, { pollIntervalSeconds: 1 }),
      ),
    );
    await Promise.all(
      refs.map((ref) =>
        world.untilStatus(ref, 'was polled', (s) => !has(s, 'Synced', 'Unknown') && s.jobID !== undefined),
      ),
    );
    const before = await Promise.all(refs.map((ref) => world.get(ref)));
    const calls = ['kill-done', 'kill-failed'].map((jobID) => world.cloud.requests(jobID).length);

    await world.operator.kill9();
    await world.startOperator();
    await world.untilPolled('kill-running', 2);
    await world.untilPolled('kill-unknown', 1);

    expect(await Promise.all(refs.map((ref) => world.get(ref)))).toEqual(before);
    expect(['kill-done', 'kill-failed'].map((jobID) => world.cloud.requests(jobID).length)).toEqual(calls);
    await world.stopOperator();
  }, 90_000);

  it('sees what happened while it was away', async () => {
    const jobID = 'ends-meanwhile';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    await world.startOperator();
    const ref = await world.follow(await world.namespace(), jobID);
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    await world.operator.kill9();
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    await world.startOperator();
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    await world.stopOperator();
  }, 90_000);
});

describe('an operator whose log nobody reads any more', () => {
  it('works on', async () => {
    await world.startOperator();
    const { operator } = world;
    operator.loseLog();

    world.cloud.answer('unlogged', reports({ uid: 'unlogged', phase: 'Success' }));
    const ref = await world.follow(await world.namespace(), 'unlogged');
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(operator.exit).toBeUndefined();
    expect(await world.stopOperator()).toMatchObject({ code: 0 });
  }, 90_000);
});

describe('an operator whose log goes to a disk that is full', () => {
  itWhen(existsSync('/dev/full'), 'there is no /dev/full')('works on', async () => {
    const namespace = await world.namespace();
    const args = ['--config', world.configFile, '--kubeconfig', world.kubeconfigFile, '--http-port', '0'];
    const log = openSync('/dev/full', 'w');
    const operator = spawn(
      process.execPath,
      ['dist/main.js', 'run', '--namespace', namespace, '--leader-elect=false', ...args],
      { stdio: ['ignore', 'ignore', log] },
    );
    closeSync(log);
    const exited = once(operator, 'exit');

    world.cloud.answer('unwritten', reports({ uid: 'unwritten', phase: 'Success' }));
    const ref = await world.follow(namespace, 'unwritten');
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
    operator.kill('SIGTERM');

    expect(await exited).toEqual([0, null]);
  });
});

describe('an operator that is stopped', () => {
  it('exits 0 within seconds, also while the cloud lets it wait', async () => {
    const jobID = 'hangs-at-the-end';
    world.cloud.answer(jobID, { instead: 'hang' });
    await world.startOperator();
    await world.follow(await world.namespace(), jobID);
    await until('the cloud to be called', () => world.cloud.requests(jobID).length > 0);

    const begin = performance.now();
    const exit = await world.stopOperator();

    expect(exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - begin).toBeLessThan(10_000);
  });
});

describe('an API server that goes away', () => {
  it('is waited for, and everything goes on when it is back', async () => {
    const namespace = await world.namespace();
    world.cloud.answer('api-away', reports({ uid: 'api-away', phase: 'Running' }));
    await world.startOperator();
    const ref = await world.follow(namespace, 'api-away');
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    await world.apiDoor.shut();
    world.cloud.answer('api-away', reports({ uid: 'api-away', phase: 'Success' }));
    world.cloud.answer('born-meanwhile', reports({ uid: 'born-meanwhile', phase: 'Success' }));
    const born = await world.follow(namespace, 'born-meanwhile');
    await until('the operator to notice', () =>
      world.operator.log.some((line) => line.includes('ECONNREFUSED')),
    );
    await world.apiDoor.open();

    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
    await world.untilStatus(born, 'is Success', ({ phase }) => phase === 'Success', 60_000);
    await world.stopOperator();
  }, 150_000);
});

describe('an operator of one namespace', () => {
  it('leaves the others alone', async () => {
    const mine = await world.namespace();
    const others = await world.namespace();
    for (const jobID of ['mine', 'not-mine', 'mine-too']) {
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    }
    const notMine = await world.follow(others, 'not-mine');

    await world.startOperator([mine]);
    await world.untilStatus(
      await world.follow(mine, 'mine'),
      'is Success',
      ({ phase }) => phase === 'Success',
    );
    await world.untilStatus(
      await world.follow(mine, 'mine-too'),
      'is Success',
      ({ phase }) => phase === 'Success',
    );

    expect((await world.get(notMine)).status).toEqual({ observedGeneration: -1 });
    expect(world.cloud.requests('not-mine')).toEqual([]);
    await world.stopOperator();
  });
});

describe('an operator without leader election', () => {
  it('works without a Lease, beside one that holds it', async () => {
    const [others, mine] = [await world.namespace(), await world.namespace()];
    world.cloud.answer('beside', reports({ uid: 'beside', phase: 'Success' }));
    await world.startOperator([others]);
    const holder = world.operator;

    await world.startOperator([mine], { leaderElect: false });
    await world.untilStatus(
      await world.follow(mine, 'beside'),
      'is Success',
      ({ phase }) => phase === 'Success',
    );

    expect(holder.log.some((line) => line.includes('"lease acquired"'))).toBe(true);
    expect(world.operator.log.filter((line) => line.includes('"lease'))).toEqual([]);
    await Promise.all([holder.stop(), world.stopOperator()]);
  }, 90_000);
});

describe('many CloudJobs at once', () => {
  it('all 300 reach Success', async () => {
    const namespace = await world.namespace();
    const jobIDs = Array.from({ length: 300 }, (_, index) => `many-${index}`);
    for (const jobID of jobIDs) world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    await world.startOperator();
    const refs = await Promise.all(jobIDs.map((jobID) => world.follow(namespace, jobID)));

    await until(
      'all to be polled',
      () => jobIDs.every((jobID) => world.cloud.requests(jobID).length > 0),
      60_000,
    );
    for (const jobID of jobIDs) world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const ends = await Promise.all(
      refs.map((ref) =>
        until(
          `${ref.name} to succeed`,
          () => world.versions(ref).at(-1)?.status?.phase === 'Success',
          90_000,
        ),
      ),
    );

    expect(ends).toHaveLength(300);
    await world.stopOperator();
  }, 200_000);
});
