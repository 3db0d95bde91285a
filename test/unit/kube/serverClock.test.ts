import { describe, expect, it } from '@jest/globals';
import { ServerClock } from '../../../src/kube/serverClock.js';
import { FakeClock } from '../../support/fakeClock.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const HOUR = 3_600_000;

function dateAt(ms: number): string {
  return new Date(ms).toUTCString();
}

describe("the API server's clock", () => {
  it('is the own one until the server has answered, and goes on between answers', async () => {
    const own = new FakeClock(NOW);
    const clock = new ServerClock(own);

    await own.advance(1_500);

    expect(clock.now()).toBe(NOW + 1_500);
  });

  it.each([
    ['ahead', -HOUR],
    ['behind', HOUR],
  ])('is what the answers say when the own one is %s', (_, difference) => {
    const clock = new ServerClock(new FakeClock(NOW));

    clock.answered(dateAt(NOW + difference), 20);

    expect(clock.now()).toBe(NOW + difference);
  });

  it('does not jump with the own one', async () => {
    const own = new FakeClock(NOW);
    const clock = new ServerClock(own);

    own.step(2 * HOUR);
    await own.advance(1_000);

    expect(clock.now()).toBe(NOW + 1_000);
  });

  it.each<[string, string | undefined, number]>([
    ['of the same time in whole seconds', dateAt(NOW - 1_000), 20],
    ['that was long under way, or read late', dateAt(NOW - HOUR), 5_000],
    ['without a date', undefined, 20],
    ['with a date that is none', 'yesterday', 20],
  ])('takes no notice of an answer %s', (_, date, durationMs) => {
    const clock = new ServerClock(new FakeClock(NOW));

    clock.answered(date, durationMs);

    expect(clock.now()).toBe(NOW);
  });
});
