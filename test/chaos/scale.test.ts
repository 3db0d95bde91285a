import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { chaosRuns } from '../support/seed.js';
import { until } from '../support/until.js';
import { World } from '../support/world.js';

/**
 * All 5,000 where the tests may take longer than usual; a multiple of 20. What the operator remembers of events is bounded
 * and full by then, so that a leak of a hundred bytes each shows; of 500, only one of some kilobytes each does.
 */
const JOBS = chaosRuns > 1 ? 5_000 : 500;
/** One job in this many is still running at its first poll. */
const RUNNING = 10;
const EVENTS = 2;
/** What the operator remembers on purpose: this many events, and how often as many objects had one. */
const REMEMBERED = 5_000;
/** How many bytes of its heap an event may take, with its share of what is known of its object; about 750 were measured. */
const EVENT_BYTES = 850;
/** How many bytes more or less the heap may have; it is not quite steady. */
const STEADY_BYTES = 350_000;
const CREATED_TOGETHER = 16;
const DELETED_TOGETHER = 250;
const DEADLINE_MS = 60_000 + JOBS * 100;

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 90_000);
afterAll(async () => world?.stop(), 240_000);

/** Creates CloudJobs of jobs that have succeeded, but for some. */
async function create(namespace: string, names: readonly string[]): Promise<void> {
  const rest = names.entries();
  const createRest = async (): Promise<void> => {
    for (const [index, name] of rest) {
      world.cloud.answer(name, reports({ uid: name, phase: index % RUNNING === 0 ? 'Running' : 'Success' }));
      await world.follow(namespace, name);
    }
  };
  await Promise.all(Array.from({ length: CREATED_TOGETHER }, createRest));
}

/** Waits until the operator's metric is as wanted, by its label; values of 0 are left out. */
async function untilCounted(
  metric: string,
  wanted: (counts: Readonly<Record<string, number>>) => boolean,
): Promise<void> {
  let counts = {};
  await until(
    `${metric} to be as wanted`,
    async () => {
      const { text } = await world.operator.http('/metrics');
      const lines = text.matchAll(new RegExp(`^${metric}\\{\\w+="([^"]*)"\\} ([1-9]\\d*)$`, 'gm'));
      counts = Object.fromEntries([...lines].map(([, label = '', count]) => [label, Number(count)]));
      return wanted(counts);
    },
    DEADLINE_MS,
    () => `it is ${JSON.stringify(counts)}\n${world.operator.logTail()}`,
  );
}

/** Lets the jobs succeed that have not yet, and deletes all CloudJobs. */
async function finishAndDelete(namespace: string, names: readonly string[]): Promise<void> {
  const running = names.length / RUNNING;
  await untilCounted(
    'cloudjob_jobs',
    (jobs) => jobs['running'] === running && jobs['succeeded'] === names.length - running,
  );
  for (const name of names) world.cloud.answer(name, reports({ uid: name, phase: 'Success' }));
  await untilCounted('cloudjob_jobs', ({ succeeded }) => succeeded === names.length);
  const path = `/apis/cloudjob.dev/v1alpha1/namespaces/${namespace}/cloudjobs`;
  for (let left = names.length; left > 0; left -= DELETED_TOGETHER) {
    await world.client.delete(`${path}?limit=${DELETED_TOGETHER}`);
  }
  await untilCounted('cloudjob_jobs', (jobs) => Object.keys(jobs).length === 0);
}

it(
  `${JOBS} CloudJobs are listed, watched, finished and deleted, and later ones take no more memory`,
  async () => {
    const namespace = await world.namespace();
    const names = Array.from({ length: 3 * JOBS }, (_, index) => `scale-${index}`);
    const first = names.slice(0, JOBS);

    await create(namespace, first.slice(0, JOBS / 2));
    await world.startOperator([namespace], { tellsHeap: true, logLevel: 'info' });
    await create(namespace, first.slice(JOBS / 2));
    await finishAndDelete(namespace, first);
    // Node needs a while to have compiled everything.
    await create(namespace, names.slice(JOBS, 2 * JOBS));
    await finishAndDelete(namespace, names.slice(JOBS, 2 * JOBS));
    const before = await world.operator.heapBytes();

    await create(namespace, names.slice(2 * JOBS));
    await finishAndDelete(namespace, names.slice(2 * JOBS));
    const remembered = Math.min(REMEMBERED, 3 * EVENTS * JOBS) - Math.min(REMEMBERED, 2 * EVENTS * JOBS);
    const allowed = before + remembered * EVENT_BYTES + STEADY_BYTES;
    let after = 0;
    await until(
      `the heap to shrink to ${allowed} bytes`,
      async () => {
        after = await world.operator.heapBytes();
        return after <= allowed;
      },
      20_000,
      () => `it has ${after}, before ${before}, ${(after - before) / JOBS} more for each CloudJob`,
    );

    for (const name of names) {
      expect(world.versions({ namespace, name }).at(-1)?.status?.phase).toBe('Success');
    }
  },
  6 * DEADLINE_MS,
);
