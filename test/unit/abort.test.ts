import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { onAbort } from '../../src/abort.js';

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

  it('leaves out a task that an earlier one takes back', () => {
    const controller = new AbortController();
    const done: string[] = [];
    const takeBack = { second: (): void => undefined };
    onAbort(controller.signal, () => {
      done.push('first');
      takeBack.second();
    });
    takeBack.second = onAbort(controller.signal, () => void done.push('second'));
    controller.abort();

    expect(done).toEqual(['first']);
  });

  it('listens once, however many tasks come and go', () => {
    const { signal } = new AbortController();
    for (let task = 0; task < 100; task += 1) onAbort(signal, () => undefined)();
    onAbort(signal, () => undefined);

    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });
});
