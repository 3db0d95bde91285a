import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { onAbort, settlesWithin, sleep, untilAborted, withDeadline } from '../../src/signals.js';
import { FakeClock, settle } from '../support/fakeClock.js';
import { growthPerTurn } from '../support/heap.js';

const never = new Promise<void>(() => undefined);
const late = (): Error => new Error('late');

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

describe('onAbort', () => {
  it('runs each task once, when the signal aborts', () => {
    const controller = new AbortController();
    const done: string[] = [];
    for (const name of ['a', 'b']) onAbort(controller.signal, () => void done.push(name));

    const before = [...done];
    controller.abort();
    controller.abort();

    expect([before, done]).toEqual([[], ['a', 'b']]);
  });

  it('runs the task now when the signal has aborted', () => {
    let runs = 0;
    onAbort(AbortSignal.abort(), () => void (runs += 1))();

    expect(runs).toBe(1);
  });

  it('takes back just the one wish, also of a task that was given twice', () => {
    const controller = new AbortController();
    let runs = 0;
    const task = (): void => void (runs += 1);
    const takeBack = onAbort(controller.signal, task);
    onAbort(controller.signal, task);
    takeBack();
    controller.abort();

    expect(runs).toBe(1);
  });
});

describe('a promise or a signal', () => {
  it.each<[string, Promise<unknown>, boolean, unknown]>([
    ['the promise', Promise.resolve('value'), false, 'value'],
    ['the signal', never, true, 'aborted'],
  ])('is whichever comes first: %s; and nothing stays on the signal', async (_, promise, aborts, outcome) => {
    const end = new AbortController();
    const waiting = untilAborted(promise, end.signal);
    if (aborts) end.abort();

    expect(await waiting).toBe(outcome);
    expect(listeners(end.signal)).toBe(0);
  });

  it("fails with the promise's error, and a later one is nobody's", async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');

    let fail = (_: Error): void => undefined;
    const end = new AbortController();
    const waiting = untilAborted(new Promise((_, reject) => (fail = reject)), end.signal);
    end.abort();
    fail(new Error('too late'));

    expect(await waiting).toBe('aborted');
    expect(listeners(signal)).toBe(0);
  });
});

describe('sleep', () => {
  it.each([
    ['its time', 1_000, false],
    ['the signal', 0, true],
  ])('ends with %s, and leaves neither timer nor listener behind', async (_, afterMs, aborts) => {
    const clock = new FakeClock();
    const end = new AbortController();
    const sleeping = sleep(clock, 1_000, end.signal);
    await clock.advance(afterMs);
    if (aborts) end.abort();
    await sleeping;

    expect([clock.pending, listeners(end.signal)]).toEqual([0, 0]);
  });
});

describe('work with a deadline', () => {
  function begin() {
    const clock = new FakeClock();
    const parent = new AbortController();
    const given: { signal?: AbortSignal; extend?: () => void } = {};
    const ended = withDeadline(
      clock,
      1_000,
      parent.signal,
      async (signal, extend) => {
        Object.assign(given, { signal, extend });
        return untilAborted(never, signal);
      },
      late,
    );
    return { clock, parent, given, ended };
  }

  it('has its signal aborted when its time is up, and not before', async () => {
    const { clock, given, ended } = begin();

    await clock.advance(999);
    const before = given.signal?.aborted;
    await clock.advance(1);

    expect([before, given.signal?.aborted, String(given.signal?.reason)]).toEqual([
      false,
      true,
      'Error: late',
    ]);
    expect(await ended).toBe('aborted');
  });

  it('has its signal aborted with the parent, and for its reason', () => {
    const { parent, given } = begin();
    parent.abort('the end');

    expect([given.signal?.aborted, given.signal?.reason]).toEqual([true, 'the end']);
  });

  it('has the whole time again when it is extended', async () => {
    const { clock, given } = begin();
    await clock.advance(600);
    given.extend?.();
    await clock.advance(600);

    expect(given.signal?.aborted).toBe(false);
  });

  it('leaves neither timer nor listener behind, however it ends', async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const fail = (): Promise<never> => Promise.reject(new Error('no'));

    await withDeadline(clock, 1_000, signal, () => Promise.resolve());
    await expect(withDeadline(clock, 1_000, signal, fail)).rejects.toThrow('no');

    expect([clock.pending, listeners(signal)]).toEqual([0, 0]);
  });
});

describe('what is waited for', () => {
  it.each<[string, Promise<unknown>, number, boolean, boolean]>([
    ['is done in time', Promise.resolve(), 0, false, true],
    ['is late', never, 1_000, false, false],
    ['is given up', never, 0, true, false],
  ])('%s, and leaves no timer behind', async (_, work, afterMs, aborts, inTime) => {
    const clock = new FakeClock(0);
    const end = new AbortController();
    const settles = settlesWithin(clock, 1_000, work, end.signal);
    await clock.advance(afterMs);
    if (aborts) end.abort();

    expect(await settles).toBe(inTime);
    expect(clock.pending).toBe(0);
  });
});

it('a signal that lives for days holds nothing of the work that is over', async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();

  const bytes = await growthPerTurn(20_000, async () => {
    const work = withDeadline(clock, 1_000, signal, (given) => sleep(clock, 500, given));
    onAbort(signal, () => undefined)();
    await Promise.all([untilAborted(Promise.resolve(), signal), settle(), clock.advance(500), work]);
  });

  expect(bytes).toBeLessThan(50);
  expect(listeners(signal)).toBe(0);
});
