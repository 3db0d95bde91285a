import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KubeObject, Status } from '../support/kubeClient.js';
import { reports } from '../support/jobs.js';
import { SECRET, World, type Ref } from '../support/world.js';

let world: World;
let namespace: string;
beforeAll(async () => {
  world = await World.start();
  namespace = await world.namespace();
  await world.startOperator();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

const YEAR = 31_536_000;
/** Each field that may change, with the edges of what it may be; null takes it away. */
const EDGES: Readonly<Record<string, readonly unknown[]>> = {
  suspend: [true, false, null],
  pollIntervalSeconds: [1, 86_400, null],
  readyWhen: ['Observed', 'Succeeded', null],
  activeDeadlineSeconds: [1, YEAR, null],
  observationDeadlineSeconds: [1, YEAR, null],
  ttlSecondsAfterFinished: [YEAR, null],
  credentialsRef: [{ name: 'absent' }, { name: 'x'.repeat(253) }, null],
};
const PHASES = ['Running', 'Success', 'Failed', 'Paused'] as const;

/** What a status says, without when, and without how often the spec was changed on the way. */
function meaning({ observedGeneration: _, conditions = [], ...rest }: Status): object {
  const timeless = conditions.map(
    ({ observedGeneration: _generation, lastTransitionTime: _time, ...condition }) => condition,
  );
  return { ...rest, conditions: timeless };
}

async function settled(ref: Ref, phase: string): Promise<KubeObject & { readonly status: Status }> {
  const { metadata } = await world.get(ref);
  return world.untilStatus(
    ref,
    'is settled',
    (status) => status.phase === phase && status.observedGeneration === metadata['generation'],
  );
}

describe.each(PHASES)('a CloudJob of a job that is %s', (phase) => {
  const cases = Object.entries(EDGES).flatMap(([field, values]) =>
    values.map((value, index) => ({ field, value, index })),
  );

  it('ends as it began when any field is changed to any edge and back', async () => {
    const outcomes = await Promise.all(
      cases.map(async ({ field, value, index }) => {
        const jobID = `change-${phase}-${field}-${index}`;
        world.cloud.answer(jobID, reports({ uid: jobID, phase, reason: 'as it is' }));
        const ref = await world.follow(namespace, jobID);
        const before = await settled(ref, phase);
        const first = (before['spec'] as Readonly<Record<string, unknown>>)[field];

        const there = await world.patch(ref, { spec: { [field]: value } });
        expect(there.status).toBe(200);
        const between = await settled(ref, phase);
        const back = field === 'credentialsRef' ? { name: SECRET } : (first ?? null);
        await world.patch(ref, { spec: { [field]: back } });
        const { metadata } = await world.get(ref);
        const wanted = JSON.stringify(meaning(before.status));
        await world.untilStatus(
          ref,
          `is as it was before ${field} was ${JSON.stringify(value)}: ${wanted}`,
          (status) =>
            status.observedGeneration === metadata['generation'] &&
            JSON.stringify(meaning(status)) === wanted,
        );
        return { field, value, between };
      }),
    );

    expect(outcomes).toHaveLength(cases.length);
    if (phase === 'Running') {
      const said = (field: string, value: unknown): unknown =>
        outcomes
          .find((one) => one.field === field && one.value === value)
          ?.between.status.conditions?.map(({ type, reason }) => `${type} ${reason}`);
      expect(said('suspend', true)).toContain('Suspended Suspended');
      expect(said('activeDeadlineSeconds', 1)).toContain('Stalled DeadlineExceeded');
      expect(said('readyWhen', 'Observed')).not.toContain('Reconciling JobRunning');
    }
  }, 120_000);
});

describe('what must not change', () => {
  const cases = ['jobID', 'projectID', 'region'].flatMap((field) => [
    [field, 'another'],
    [field, null],
  ]);

  it.each(cases)('is refused and changes nothing: %s to %j', async (field, value) => {
    const jobID = `fixed-${field}-${value}`;
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const ref = await world.follow(namespace, jobID);
    const before = await settled(ref, 'Running');

    const { status } = await world.patch(ref, { spec: { [String(field)]: value } });

    expect(status).toBe(422);
    expect(await world.get(ref)).toEqual(before);
  });
});
