import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

/** At a call per second their first polls take a minute. */
const THERE_AT_START = 60;
/** Polls of others between a request and the poll that it is for: a turn that was given already, and one in five. */
const FEW = 10;

let world: World;
beforeAll(async () => {
  world = await World.start(undefined, 1);
}, 60_000);
afterAll(async () => world?.stop(), 60_000);

it('what people do now overtakes what was there at start', async () => {
  const namespace = await world.namespace();
  const ids = Array.from({ length: THERE_AT_START }, (_, index) => `old-${index}`);
  for (const uid of [...ids, 'new'])
    world.cloud.answer(uid, reports({ uid, type: 'CreateNode', phase: 'Running' }));
  const polled = (): string[] => ids.filter((id) => world.cloud.requests(id).length > 0);
  const pollsOfOthersUntil = async (isSeen: () => boolean): Promise<number> => {
    const before = polled().length;
    await until('the poll that somebody waits for', isSeen, 90_000, () => world.operator.logTail());
    return polled().length - before;
  };
  const refs: Ref[] = await Promise.all(ids.map((id) => world.follow(namespace, id)));
  await world.startOperator();
  await until('a first poll', () => polled().length > 0, 30_000);

  await world.follow(namespace, 'new');
  const forNew = await pollsOfOthersUntil(() => world.cloud.requests('new').length > 0);

  const last = refs.findLast(({ name }) => !polled().includes(name));
  if (last === undefined) throw new Error('all have been polled already');
  await world.patch(last, { spec: { readyWhen: 'Observed' } });
  const forChanged = await pollsOfOthersUntil(() => polled().includes(last.name));

  expect(forNew).toBeLessThan(FEW);
  expect(forChanged).toBeLessThan(FEW);
}, 240_000);
