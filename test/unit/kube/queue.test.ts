import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sumOfStats, WorkQueue } from '../../../src/kube/queue.js';
import type { WorkItem } from '../../../src/kube/queue.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { half } from './support.js';
import type { Priority } from '../../../src/priority.js';

const forever = new AbortController().signal;

function makeQueue(): { queue: WorkQueue; clock: FakeClock } {
  const clock = new FakeClock();
  const backoff = { baseMs: 100, maxMs: 1000 };
  const queue = new WorkQueue({ clock, random: () => 1, backoff });
  return { queue, clock };
}

async function take(queue: WorkQueue): Promise<string | undefined> {
  const item = await takeItem(queue);
  return item?.key;
}

async function takeItem(queue: WorkQueue): Promise<WorkItem | undefined> {
  const controller = new AbortController();
  const item = queue.get(controller.signal);
  await settle();
  controller.abort();
  return item;
}

describe('the work queue', () => {
  it('gives keys out in order of arrival, each once', async () => {
    const { queue } = makeQueue();

    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key, 'low');

    expect([await take(queue), await take(queue), await take(queue), await take(queue)]).toEqual([
      'a',
      'b',
      'c',
      undefined,
    ]);
  });

  it('gives a key to one worker at a time, and once more when it was added meanwhile', async () => {
    const { queue } = makeQueue();
    queue.add('a', 'low');
    const first = await take(queue);

    queue.add('a', 'low');
    queue.add('a', 'low');
    const during = await take(queue);
    queue.done('a');
    const second = await take(queue);
    queue.done('a');
    const third = await take(queue);

    expect([first, during, second, third]).toEqual(['a', undefined, 'a', undefined]);
  });

  it('wakes one waiting worker for a new key: the last that came', async () => {
    const { queue } = makeQueue();
    const one = queue.get(forever);
    const other = queue.get(forever);

    queue.add('a', 'high');
    queue.add('b', 'high');

    expect([(await one)?.key, (await other)?.key]).toEqual(['b', 'a']);
  });

  it('loses no key to a worker that stopped waiting', async () => {
    const { queue } = makeQueue();
    const controller = new AbortController();
    const gone = queue.get(controller.signal);
    const waiting = queue.get(forever);

    controller.abort();
    queue.add('a', 'high');

    expect(await gone).toBeUndefined();
    expect((await waiting)?.key).toBe('a');
  });

  it('reports priority and waiting time', async () => {
    const { queue, clock } = makeQueue();
    queue.add('a', 'low');

    await clock.advance(1500);

    expect(await takeItem(queue)).toEqual({ key: 'a', priority: 'low', waitedMs: 1500 });
  });
});

describe('priorities', () => {
  it('let high keys overtake low ones', async () => {
    const { queue } = makeQueue();

    queue.add('low', 'low');
    queue.add('high', 'high');

    expect([await take(queue), await take(queue)]).toEqual(['high', 'low']);
  });

  it('rise for a key that waits already, and never fall', async () => {
    const { queue } = makeQueue();
    queue.add('other', 'low');
    queue.add('a', 'low');

    queue.add('a', 'high');
    queue.add('a', 'low');

    expect(await takeItem(queue)).toMatchObject({ key: 'a', priority: 'high' });
    expect(queue.depth).toBe(1);
  });

  it('are kept for a key that was added while it was processed', async () => {
    const { queue } = makeQueue();
    queue.add('a', 'low');
    await take(queue);

    queue.add('a', 'high');
    queue.add('a', 'low');
    queue.done('a');

    expect(await takeItem(queue)).toMatchObject({ key: 'a', priority: 'high' });
  });

  it('give every tenth turn to low keys, which do not starve', async () => {
    const { queue } = makeQueue();
    const highs = Array.from({ length: 20 }, (_, index) => `h${index}`);
    for (const key of ['l1', 'l2']) queue.add(key, 'low');
    for (const key of highs) queue.add(key, 'high');

    const order: (string | undefined)[] = [];
    while (queue.depth > 0) order.push(await take(queue));

    expect(order).toEqual([...highs.slice(0, 9), 'l1', ...highs.slice(9, 18), 'l2', ...highs.slice(18)]);
  });
});

describe('delayed adds', () => {
  it('become due after their time, not before', async () => {
    const { queue, clock } = makeQueue();
    queue.addAfter('a', 1000, 'low');

    await clock.advance(999);
    const early = await take(queue);
    await clock.advance(1);

    expect([early, await take(queue)]).toEqual([undefined, 'a']);
  });

  it.each([
    [1000, 500],
    [500, 1000],
  ])('of one key count once, the earliest of them (%i and %i ms)', async (first, second) => {
    const { queue, clock } = makeQueue();
    queue.addAfter('a', first, 'low');
    queue.addAfter('a', second, 'high');

    await clock.advance(500);
    const item = await takeItem(queue);
    queue.done('a');
    await clock.advance(10_000);

    expect(item).toMatchObject({ key: 'a', priority: 'high' });
    expect(await take(queue)).toBeUndefined();
  });

  it('can be taken back', async () => {
    const { queue, clock } = makeQueue();
    queue.addAfter('a', 1000, 'low');
    queue.addAfter('b', 2000, 'low');

    queue.cancelDelayed('a');
    await clock.advance(5000);

    expect([await take(queue), await take(queue)]).toEqual(['b', undefined]);
    expect(clock.pending).toBe(0);
  });

  it('can be taken back altogether, due or not, and wanted once more while they have a worker', async () => {
    const { queue, clock } = makeQueue();
    queue.add('worked on', 'high');
    expect(await take(queue)).toBe('worked on');
    for (const key of ['worked on', 'due', 'other']) queue.add(key, 'low');
    queue.addAfter('later', 1000, 'low');

    for (const key of ['worked on', 'due', 'later']) queue.cancel(key);
    queue.done('worked on');
    await clock.advance(5000);

    expect([await take(queue), await take(queue)]).toEqual(['other', undefined]);
    expect(queue.depth + queue.delayed + clock.pending).toBe(0);
  });

  it('are immediate when there is nothing to wait for', async () => {
    const { queue } = makeQueue();

    queue.addAfter('a', 0, 'low');
    queue.addAfter('b', -5, 'low');

    expect(queue.depth).toBe(2);
  });

  it('refuse a delay that is not a number', () => {
    const { queue } = makeQueue();

    expect(() => queue.addAfter('a', Number.NaN, 'low')).toThrow(RangeError);
  });

  it('share one timer, however many there are', async () => {
    const { queue, clock } = makeQueue();

    for (let key = 0; key < 100_000; key += 1)
      queue.addAfter(`k${key}`, 1000 + ((key * 7919) % 60_000), 'low');

    expect(clock.pending).toBe(1);
    expect(queue.delayed).toBe(100_000);
  });

  it('come out in the order of their times, whatever was added, moved and taken back before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 1000 }), fc.boolean()), {
          maxLength: 200,
        }),
        async (steps) => {
          const { queue, clock } = makeQueue();
          const expected = new Map<string, number>();
          for (const [id, ms, cancel] of steps) {
            const key = `k${id}`;
            if (cancel) {
              queue.cancelDelayed(key);
              expected.delete(key);
            } else {
              queue.addAfter(key, ms, 'low');
              expected.set(key, Math.min(ms, expected.get(key) ?? Infinity));
            }
          }

          const times = new Map<string, number>();
          for (;;) {
            const next = Math.min(...[...expected.values()].filter((at) => at > clock.monotonic()));
            if (!Number.isFinite(next)) break;
            await clock.advance(next - clock.monotonic());
            for (let item = await takeItem(queue); item !== undefined; item = await takeItem(queue)) {
              times.set(item.key, clock.monotonic());
            }
          }

          expect(times).toEqual(expected);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('the numbers', () => {
  it('report what is due, what was added, and how long workers have been at it', async () => {
    const { queue, clock } = makeQueue();
    for (const key of ['a', 'b', 'c', 'a']) queue.add(key, 'low');
    await queue.get(forever);
    queue.add('a', 'high');
    queue.add('a', 'high');
    await clock.advance(1_000);
    await queue.get(forever);
    await clock.advance(500);
    queue.addRateLimited('d', 'low');

    expect(queue.stats()).toEqual({
      depth: 1,
      processing: 2,
      adds: 4,
      retries: 1,
      unfinishedMs: 2_000,
      longestMs: 1_500,
      stuckMs: 500,
    });
  });

  it('of several queues are added, but the longest of all is the longest of one', async () => {
    const { queue, clock } = makeQueue();
    queue.add('a', 'low');
    await queue.get(forever);
    queue.add('b', 'low');
    await clock.advance(1_000);
    const stats = queue.stats();

    expect(sumOfStats([stats, stats])).toEqual({
      depth: 2,
      processing: 2,
      adds: 4,
      retries: 0,
      unfinishedMs: 2_000,
      longestMs: 1_000,
      stuckMs: 1_000,
    });
    expect(sumOfStats([])).toMatchObject({ depth: 0, longestMs: 0, stuckMs: 0 });
  });

  it('call a queue stuck when keys are due and none gets a worker', async () => {
    const { queue, clock } = makeQueue();
    await clock.advance(60_000);
    const idle = queue.stats().stuckMs;
    queue.add('a', 'low');
    await clock.advance(7_000);
    queue.add('b', 'high');
    await clock.advance(1_000);
    const due = queue.stats().stuckMs;
    await queue.get(forever);
    await clock.advance(1_000);

    expect([idle, due, queue.stats().stuckMs]).toEqual([0, 8_000, 1_000]);
  });
});

describe('retries', () => {
  it('wait twice as long each time until the key is forgotten', async () => {
    const { queue, clock } = makeQueue();
    const waits: number[] = [];
    for (const forget of [false, false, false, false, false, true]) {
      if (forget) queue.forget('a');
      queue.addRateLimited('a', 'low');
      const since = clock.monotonic();
      const item = queue.get(forever);
      while (queue.stats().processing === 0) await clock.advance(100);
      waits.push(clock.monotonic() - since);
      await item;
      queue.done('a');
    }

    expect(waits).toEqual([100, 200, 400, 800, 1000, 100]);
  });

  it('end at 30 seconds, so that what was refused for long is done soon after it is not any more', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, random: () => 1 });
    for (let failures = 0; failures < 100; failures += 1) {
      queue.addRateLimited('a', 'low');
      queue.cancelDelayed('a');
    }

    queue.addRateLimited('a', 'low');
    await clock.advance(30_000);

    expect(queue.depth).toBe(1);
  });

  it('spread out, so that keys that failed together do not return together', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, random: half, backoff: { baseMs: 100, maxMs: 1000 } });

    queue.addRateLimited('a', 'low');
    await clock.advance(75);

    expect(await take(queue)).toBe('a');
  });
});

describe('a queue that is shut down', () => {
  it('sends waiting workers home and takes nothing more', async () => {
    const { queue, clock } = makeQueue();
    const waiting = queue.get(forever);

    queue.shutDown();
    queue.add('a', 'high');
    queue.addAfter('b', 10, 'high');
    queue.addRateLimited('c', 'high');
    await clock.advance(1000);

    expect(await waiting).toBeUndefined();
    expect(await queue.get(forever)).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('drops what waited and does not bring back what is being processed', async () => {
    const { queue } = makeQueue();
    queue.add('a', 'high');
    queue.add('b', 'high');
    await take(queue);
    queue.add('a', 'high');

    queue.shutDown();
    queue.done('a');

    expect(queue.depth + queue.stats().processing + queue.delayed).toBe(0);
  });
});

describe('many workers on a queue', () => {
  type Step =
    | { readonly kind: 'add'; readonly key: string; readonly priority: Priority; readonly ms: number }
    | { readonly kind: 'finish' | 'wait'; readonly pick: number };

  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const priority = fc.constantFrom<Priority>('high', 'low');
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), key, priority, ms: fc.constantFrom(0, 0, 5, 50) }),
    fc.record({ kind: fc.constantFrom('finish' as const, 'wait' as const), pick: fc.nat(20) }),
  );

  it('never work on one key together, and work on every key after its last add', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { queue, clock } = makeQueue();
        const running: string[] = [];
        const owed = new Set<string>();
        const stop = new AbortController();
        const finishers: (() => void)[] = [];
        const worker = async (): Promise<void> => {
          for (let item = await queue.get(stop.signal); item; item = await queue.get(stop.signal)) {
            const { key: taken } = item;
            expect(running).not.toContain(taken);
            running.push(taken);
            owed.delete(taken);
            await new Promise<void>((resolve) => {
              finishers.push(resolve);
            });
            running.splice(running.indexOf(taken), 1);
            queue.done(taken);
          }
        };
        const workers = [worker(), worker(), worker()];

        for (const next of steps) {
          if (next.kind === 'add') {
            owed.add(next.key);
            queue.addAfter(next.key, next.ms, next.priority);
          } else if (next.kind === 'wait') await clock.advance(next.pick);
          else finishers.splice(next.pick % (finishers.length + 1), 1)[0]?.();
        }
        await clock.advance(100);
        while (finishers.length > 0) {
          finishers.shift()?.();
          await settle();
        }

        expect([...owed]).toEqual([]);
        expect(queue.depth + queue.delayed + queue.stats().processing).toBe(0);
        stop.abort();
        await Promise.all(workers);
      }),
      { numRuns: 50 },
    );
  });
});
