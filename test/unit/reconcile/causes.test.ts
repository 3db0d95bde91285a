import { expect, it } from '@jest/globals';
import { JobClient } from '../../../src/cloud/client.js';
import type { Http } from '../../../src/cloud/http.js';
import { JobReader } from '../../../src/cloud/reader.js';
import { cloudJob, conditionsOf, JOB_ID } from '../../support/cloudJobs.js';
import { jobBody, type JobScript } from '../../support/jobs.js';
import { KEY, ReconcilerWorld } from './reconcilerWorld.js';

/** A failed job whose sub-jobs give the cause only when they are read by themselves. */
const JOBS: readonly JobScript[] = [
  {
    uid: JOB_ID,
    type: 'ScaleupCluster',
    phase: 'Failed',
    reason: 'resources recycled',
    subJobs: ['a', 'b', 'gone'].map((uid) => ({ uid, type: 'CreateNode', phase: 'Failed' })),
  },
  { uid: 'a', phase: 'Failed', subJobs: [{ uid: 'vm', type: 'CreateNodeVM', phase: 'Failed' }] },
  {
    uid: 'b',
    phase: 'Failed',
    subJobs: [{ uid: 'vm-b', type: 'CreateNodeVM', phase: 'Failed', reason: 'sold out' }],
  },
];

/** A CloudJob of the failed job, where the budget has one call in ten seconds. */
function setUp() {
  const world = new ReconcilerWorld(cloudJob());
  const calls: string[] = [];
  const http: Http = {
    close: () => undefined,
    send: ({ url }) => {
      const uid = url.pathname.split('/').at(-1) ?? '';
      calls.push(uid);
      const script = JOBS.find((job) => job.uid === uid);
      const body = JSON.stringify(script === undefined ? { errorCode: 'CCE.01404001' } : jobBody(script));
      return Promise.resolve({ kind: 'answer', status: script === undefined ? 404 : 200, headers: {}, body });
    },
  };
  const start = (): void =>
    world.readWith(
      (clock) =>
        new JobReader({
          client: new JobClient(http, clock),
          clock,
          random: () => 0,
          budget: { requestsPerSecond: 0.1, burst: 1 },
          freshMs: 2_000,
          wake: () => undefined,
        }),
    );
  start();
  const passFor = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await world.pass(undefined, KEY, 'low');
      await world.clock.advance(1_000);
    }
  };
  return { world, calls, start, passFor };
}

it('a failed job is reported at once, and its causes when the budget has calls for them, each read once', async () => {
  const { world, calls, passFor } = setUp();

  await passFor(1);
  expect(calls).toEqual([JOB_ID]);
  expect(world.object.status.message).toMatch(/has failed: resources recycled/);
  expect(conditionsOf(world.object)).toMatchObject({
    Stalled: 'True/JobFailed',
    Synced: 'True/CausesUnread',
  });
  await passFor(120);

  expect(calls).toEqual([JOB_ID, 'a', 'b', 'gone']);
  expect(world.object.status.message).toMatch(/has failed: CreateNodeVM.*: sold out/);
  expect(conditionsOf(world.object)).toMatchObject({ Stalled: 'True/JobFailed', Synced: 'True/JobRead' });
});

it('a restart reads the causes that are unread, and nothing where all are read', async () => {
  const { world, calls, start, passFor } = setUp();
  await passFor(1);

  start();
  await passFor(180);
  expect(calls).toEqual([JOB_ID, JOB_ID, 'a', 'b', 'gone']);
  start();
  await passFor(180);

  expect(calls).toHaveLength(5);
  expect(world.object.status.message).toMatch(/sold out/);
});
