import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { has, World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

/** Makes the operator's clock this much too fast, from this long after its start on. */
function fast(byMs: number, afterMs: number): { readonly env: Readonly<Record<string, string>> } {
  const now = `Date.now=()=>now()+(performance.now()>${afterMs})*${byMs}`;
  return {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`const{now}=Date;${now}`)}` },
  };
}

describe('an operator whose clock is ahead of the API server', () => {
  it('waits for a new job that the cloud does not know yet', async () => {
    await world.startOperator([], fast(180_000, 0));
    const ref = await world.follow(await world.namespace(), 'appears-late');

    const unknown = await world.untilStatus(ref, 'is polled', (status) => has(status, 'Synced', 'False'));
    world.cloud.answer('appears-late', reports({ uid: 'appears-late', phase: 'Running' }));
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    expect(has(unknown.status, 'Reconciling', 'True', 'JobNotFound')).toBe(true);
    await world.stopOperator();
  }, 90_000);

  it.each([
    ['forward', 7_200_000],
    ['back', -7_200_000],
  ])(
    'polls on, and deletes nothing before its time, when the clock jumps %s by hours',
    async (way, byMs) => {
      const jobID = `jumps-${way}`;
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      await world.startOperator([], fast(byMs, 6_000));
      const started = performance.now();
      const ref = await world.follow(await world.namespace(), jobID, { ttlSecondsAfterFinished: 3_600 });
      await world.untilStatus(ref, 'has ended', ({ phase }) => phase === 'Success');

      await new Promise((resolve) => {
        setTimeout(resolve, Math.max(0, 7_000 - (performance.now() - started)));
      });
      const polled = await world.pollNow(ref);
      world.cloud.answer(`${jobID}-later`, reports({ uid: `${jobID}-later`, phase: 'Success' }));
      const later = await world.follow(ref.namespace, `${jobID}-later`);
      await world.untilStatus(later, 'has ended', ({ phase }) => phase === 'Success');

      expect(polled.status.phase).toBe('Success');
      await expect(world.get(ref)).resolves.toBeDefined();
      await world.stopOperator();
    },
    90_000,
  );
});
