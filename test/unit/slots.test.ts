import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Slots } from '../../src/slots.js';
import { settle } from '../support/fakeClock.js';

const { signal } = new AbortController();

describe('slots', () => {
  it('let that many work at a time, and the others in the order in which they came', async () => {
    const slots = new Slots(2);
    const working: string[] = [];
    const releases = new Map<string, () => void>();
    const work = async (name: string): Promise<void> => {
      releases.set(name, await slots.acquire(signal));
      working.push(name);
    };
    void Promise.all(['a', 'b', 'c', 'd'].map(work));
    await settle();
    const first = [...working];

    releases.get('b')?.();
    await settle();

    expect([first, working]).toEqual([
      ['a', 'b'],
      ['a', 'b', 'c'],
    ]);
  });

  it('wait no longer than their signal, and leave nothing on it', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(signal);
    const controller = new AbortController();
    const givenUp = slots.acquire(controller.signal);
    const reason = new Error('late');

    controller.abort(reason);

    await expect(givenUp).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    release();
    await expect(slots.acquire(signal)).resolves.toBeInstanceOf(Function);
  });

  it('are not lost when one is granted to somebody who gives up at that moment', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(signal);
    const controller = new AbortController();
    const givenUp = slots.acquire(controller.signal).catch(() => 'given up');
    const next = slots.acquire(signal);

    controller.abort();
    release();

    expect(await givenUp).toBe('given up');
    await expect(next).resolves.toBeInstanceOf(Function);
  });
});
