import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tells } from '../support/jobs.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

/** At a call per second their first looks take a minute. */
const THERE_AT_START = 60;
/** Looks at others between a wish and the look that it is for: a turn that was given already, and one in five. */
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
    world.cloud.answer(uid, tells({ uid, type: 'CreateNode', phase: 'Running' }));
  const asked = (): string[] => ids.filter((id) => world.cloud.requests(id).length > 0);
  const looksAtOthersUntil = async (isSeen: () => boolean): Promise<number> => {
    const before = asked().length;
    await until('the look that somebody waits for', isSeen, 90_000, () => world.operator.logTail());
    return asked().length - before;
  };
  const refs: Ref[] = await Promise.all(ids.map((id) => world.follow(namespace, id)));
  await world.startOperator();
  await until('a first look', () => asked().length > 0, 30_000);

  await world.follow(namespace, 'new');
  const forNew = await looksAtOthersUntil(() => world.cloud.requests('new').length > 0);

  const last = refs.findLast(({ name }) => !asked().includes(name));
  if (last === undefined) throw new Error('all have been looked at already');
  await world.patch(last, { spec: { readyWhen: 'Observed' } });
  const forChanged = await looksAtOthersUntil(() => asked().includes(last.name));

  expect(forNew).toBeLessThan(FEW);
  expect(forChanged).toBeLessThan(FEW);
}, 240_000);
