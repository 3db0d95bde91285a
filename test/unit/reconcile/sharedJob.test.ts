import { expect, it } from '@jest/globals';
import type { JobAnswer } from '../../../src/cloud/client.js';
import { JobReader } from '../../../src/cloud/reader.js';
import { cloudJob, conditionsOf, job } from '../../support/cloudJobs.js';
import { ReconcilerWorld } from './reconcilerWorld.js';

it('a job that several CloudJobs follow is one call, and each gets a status of its own', async () => {
  const world = new ReconcilerWorld();
  let calls = 0;
  let answer: JobAnswer = { kind: 'job', job: job('Running') };
  const woken: string[] = [];
  world.readWith(
    (clock) =>
      new JobReader({
        client: {
          read: async (_target, _signal, mayCall) => {
            if (mayCall?.() !== false) calls += 1;
            return answer;
          },
        },
        clock,
        random: () => 0,
        budget: { requestsPerSecond: 10, burst: 20 },
        freshMs: 2_000,
        wake: (key) => woken.push(key),
      }),
  );
  world.store.put(cloudJob({}, { name: 'a', uid: 'a' }));
  world.store.put(cloudJob({ readyWhen: 'Observed' }, { name: 'b', uid: 'b' }));
  world.store.put(cloudJob({ activeDeadlineSeconds: 1 }, { name: 'c', uid: 'c' }));
  const pass = (key: string) => world.pass(undefined, key);
  const ready = () =>
    ['a', 'b', 'c'].map((name) => {
      const object = world.store.get(`infra/${name}`);
      return object && conditionsOf(object)['Ready'];
    });

  await Promise.all(['infra/a', 'infra/b', 'infra/c'].map(pass));
  const first = { calls, ready: ready() };
  await world.clock.advance(10_000);
  answer = { kind: 'job', job: job('Failed') };
  await pass('infra/b');
  for (const key of woken) await pass(key);

  expect(first).toEqual({
    calls: 1,
    ready: ['Unknown/JobRunning', 'True/JobObserved', 'False/DeadlineExceeded'],
  });
  expect(woken).toEqual(['infra/a', 'infra/c']);
  expect({ calls, ready: ready() }).toEqual({
    calls: 2,
    ready: ['False/JobFailed', 'True/JobFailed', 'False/JobFailed'],
  });
});
