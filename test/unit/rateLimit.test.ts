import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RateLimit } from '../../src/rateLimit.js';
import { FakeClock } from '../support/fakeClock.js';

it('a rate limit allows a burst at once, and then as many as its rate says', async () => {
  const clock = new FakeClock();
  const limit = new RateLimit({ perSecond: 2, burst: 3 }, clock);

  const atOnce = [limit.take(), limit.take(), limit.take(), limit.take()];
  const { available, waitMs } = limit;
  await clock.advance(499);
  const early = limit.take();
  await clock.advance(1);
  const inTime = limit.take();

  expect(atOnce).toEqual([true, true, true, false]);
  expect([available, waitMs]).toEqual([0, 500]);
  expect([early, inTime]).toEqual([false, true]);
});

it('a rate limit that rested allows no more than its burst', async () => {
  const clock = new FakeClock();
  const limit = new RateLimit({ perSecond: 100, burst: 2 }, clock);

  await clock.advance(3_600_000);

  expect(limit.available).toBe(2);
});

it('a rate limit, whoever takes and whenever, never allows more than burst and rate together', () => {
  const rate = fc.record({
    perSecond: fc.double({ min: 0.01, max: 100, noNaN: true }),
    burst: fc.integer({ min: 1, max: 20 }),
  });
  const waits = fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 50 });
  fc.assert(
    fc.property(rate, waits, ({ perSecond, burst }, pauses) => {
      const clock = new FakeClock();
      const limit = new RateLimit({ perSecond, burst }, clock);
      let taken = 0;
      for (const pause of pauses) {
        clock.pause(pause);
        while (limit.take()) taken += 1;
      }
      expect(taken).toBeLessThanOrEqual(burst + (clock.monotonic() / 1000) * perSecond + 1e-6);

      clock.pause(limit.waitMs);
      expect(limit.take()).toBe(true);
    }),
  );
});
