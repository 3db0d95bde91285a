import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { describeWithKubectl } from '../support/skips.js';
import { until } from '../support/until.js';
import { has, tokenOf, World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await World.start();
  await world.startOperator();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

describe('events', () => {
  it('report each transition once, whenever the operator is killed', async () => {
    const jobID = 'killed-often';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Initializing' }));
    const ref = await world.follow(await world.namespace(), jobID, { pollIntervalSeconds: 1 });
    // An event comes before the status that it speaks of: this often hits the time between the two.
    const killWhenRecorded = async (reason: string): Promise<void> => {
      await until(`the event ${reason}`, async () => (await world.events(ref)).includes(reason));
      await world.operator.kill9();
      await world.startOperator();
    };

    await killWhenRecorded('Observed');
    await world.untilStatus(ref, 'is Initializing', ({ phase }) => phase === 'Initializing');
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    await killWhenRecorded('PhaseChanged');
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    await killWhenRecorded('Succeeded');
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');

    expect(await world.events(ref)).toEqual(['Observed', 'PhaseChanged', 'Succeeded']);
  }, 180_000);

  it('report trouble and its end', async () => {
    const jobID = 'troubled';
    const namespace = await world.namespace();
    await world.putSecret(namespace, { token: 'not the right one' });
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const ref = await world.follow(namespace, jobID);
    await world.untilStatus(ref, 'is rejected', (status) => has(status, 'Synced', 'False'));
    const rejected = await world.events(ref);
    await world.putSecret(namespace, { token: tokenOf(namespace) });
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    expect(rejected).toEqual(['CredentialsRejected']);
    expect((await world.events(ref)).toSorted()).toEqual(['CredentialsRejected', 'Observed', 'Recovered']);
  }, 60_000);
});

describeWithKubectl('kubectl', () => {
  it('describes a CloudJob with its events', async () => {
    const jobID = 'described';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Failed', reason: 'no quota' }));
    const ref = await world.follow(await world.namespace(), jobID);
    await world.untilStatus(ref, 'is Failed', ({ phase }) => phase === 'Failed');

    const described = await world.kubectl(['-n', ref.namespace, 'describe', 'cloudjob', ref.name]);
    const listed = await world.kubectl(['-n', ref.namespace, 'get', 'events', '--no-headers']);

    expect(described.stdout).toMatch(/Warning +Failed +\S+ +cloudjob-operator +.*no quota/);
    expect(listed.stdout).toMatch(/Warning +Failed +cloudjob\/described +.*no quota/);
  });
});
