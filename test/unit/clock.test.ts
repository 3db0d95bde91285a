import { describe, expect, it } from '@jest/globals';
import { settlesWithin } from '../../src/clock.js';
import { FakeClock } from '../support/fakeClock.js';

describe('what is waited for', () => {
  const never = new Promise<void>(() => undefined);

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

  it("fails with its error, and a later one is nobody's", async () => {
    const clock = new FakeClock(0);
    const { signal } = new AbortController();
    await expect(settlesWithin(clock, 1_000, Promise.reject(new Error('no')), signal)).rejects.toThrow('no');

    let fail = (_: Error): void => undefined;
    const late = settlesWithin(clock, 1_000, new Promise((_, reject) => (fail = reject)), signal);
    await clock.advance(1_000);
    fail(new Error('too late'));

    expect(await late).toBe(false);
  });
});
