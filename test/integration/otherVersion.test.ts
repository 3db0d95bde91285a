import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import type { Status } from '../support/kubeClient.js';
import { has, World, type Ref } from '../support/world.js';

/** How often the two write over each other: each time the operator waits twice as long. */
const ROUNDS = 3;

let world: World;
let namespace: string;
beforeAll(async () => {
  world = await World.start();
  namespace = await world.namespace();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

/** Writes the status as an operator that does not know `progress` yet, under the name that every version has. */
async function writeAsOlder({ name }: Ref, { progress: _, ...status }: Status): Promise<void> {
  const path = `/apis/cloudjob.dev/v1alpha1/namespaces/${namespace}/cloudjobs/${name}`;
  const { body } = await world.client.get(path);
  const object = { ...(body as object), status };
  const answer = await world.client.put(`${path}/status?fieldManager=cloudjob-operator`, object);
  expect(answer.status).toBe(200);
}

async function followed(
  jobID: string,
  phase: string,
): Promise<{ readonly ref: Ref; readonly status: Status }> {
  world.cloud.answer(jobID, reports({ uid: jobID, phase }));
  const ref = await world.follow(namespace, jobID, { pollIntervalSeconds: 1 });
  const { status } = await world.untilStatus(ref, `is ${phase}`, (seen) => seen.phase === phase);
  return { ref, status };
}

describe('another version of the operator', () => {
  it('leaves statuses that this one goes on from: nothing is recorded twice', async () => {
    await world.startOperator();
    const running = await followed('older-running', 'Running');
    const done = await followed('older-done', 'Success');
    await world.stopOperator();
    for (const { ref, status } of [running, done]) await writeAsOlder(ref, status);

    await world.startOperator();
    const again = await world.untilStatus(
      running.ref,
      'is in the form of today',
      (status) => status.progress !== undefined,
    );
    await world.untilPolled('older-running', 5);

    expect(again.status).toEqual(running.status);
    expect(await world.events(running.ref)).toEqual(['Observed']);
    // Both are of one pass, and may have one time.
    expect((await world.events(done.ref)).toSorted()).toEqual(['Observed', 'Succeeded']);
    expect(has((await world.get(done.ref)).status ?? {}, 'Ready', 'True')).toBe(true);
    await world.stopOperator();
  }, 90_000);

  it('that works at the same time is noticed, written over ever more rarely, and recorded once', async () => {
    await world.startOperator();
    const { ref } = await followed('older-beside', 'Running');
    for (let round = 0; round < ROUNDS; round += 1) {
      const { status } = await world.untilStatus(
        ref,
        'is that of today',
        (seen) => seen.progress !== undefined,
        60_000,
      );
      await writeAsOlder(ref, status);
    }
    world.cloud.answer(ref.name, reports({ uid: ref.name, phase: 'Success' }));
    await world.untilStatus(
      ref,
      'has ended, in the form of today',
      ({ phase, progress }) => phase === 'Success' && progress !== undefined,
      60_000,
    );

    const { text } = await world.operator.http('/metrics');
    expect(text).toContain(`cloudjob_status_alterations_total{how="overwritten"} ${ROUNDS}\n`);
    expect((await world.events(ref)).filter((reason) => reason === 'StatusOverwritten')).toHaveLength(1);
    await world.stopOperator();
  }, 120_000);
});
