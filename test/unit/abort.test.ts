import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { borrowController, giveBack, onAbort } from '../../src/abort.js';

describe('onAbort', () => {
  it('runs each task once, when the signal aborts', () => {
    const controller = new AbortController();
    const done: string[] = [];
    for (const name of ['a', 'b']) onAbort(controller.signal, () => void done.push(name));

    const before = [...done];
    controller.abort();
    controller.abort();

    expect([before, done.toSorted()]).toEqual([[], ['a', 'b']]);
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

  it('leaves out a task that an earlier one takes back', () => {
    const controller = new AbortController();
    const done: string[] = [];
    const takeBacks: (() => void)[] = [];
    for (const name of ['a', 'b', 'c']) {
      const run = (): void => {
        done.push(name);
        for (const takeBack of takeBacks) takeBack();
      };
      takeBacks.push(onAbort(controller.signal, run));
    }
    controller.abort();

    expect(done).toHaveLength(1);
  });

  it('runs what is left when tasks are taken back in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 })), (gone) => {
        const controller = new AbortController();
        const done: number[] = [];
        const takeBacks = Array.from({ length: 10 }, (_, task) =>
          onAbort(controller.signal, () => void done.push(task)),
        );
        for (const task of gone) takeBacks[task]?.();
        controller.abort();
        for (const takeBack of takeBacks) takeBack();

        const left = Array.from({ length: 10 }, (_, task) => task).filter((task) => !gone.includes(task));
        expect(done.toSorted((one, other) => one - other)).toEqual(left);
      }),
    );
  });

  it('listens once, however many tasks come and go', () => {
    const { signal } = new AbortController();
    for (let task = 0; task < 100; task += 1) onAbort(signal, () => undefined)();
    onAbort(signal, () => undefined);

    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });
});

describe('a borrowed controller', () => {
  it('is lent again once it is given back', () => {
    const first = borrowController();
    const other = borrowController();
    giveBack(first);

    expect(borrowController()).toBe(first);
    expect(other).not.toBe(first);
  });

  it('is not lent again when it has aborted', () => {
    const controller = borrowController();
    controller.abort();
    giveBack(controller);

    expect(borrowController().signal.aborted).toBe(false);
  });

  it('is not lent again while somebody listens', () => {
    const controller = borrowController();
    const takeBack = onAbort(controller.signal, () => undefined);
    giveBack(controller);
    const next = borrowController();
    takeBack();

    expect(next).not.toBe(controller);
  });
});
