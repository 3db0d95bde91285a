import { describe, expect, it } from '@jest/globals';
import { Breaker } from '../../../../src/cloud/limits/breaker.js';
import type { CloudError } from '../../../../src/cloud/errors.js';
import { FakeClock } from '../../../support/fakeClock.js';

const CAUSE: CloudError = { class: 'transient', message: 'HTTP 503', status: 503 };

function setUp({ failures = 3, countsUnderWay = false } = {}) {
  const clock = new FakeClock();
  const options = { failures, openMs: 10_000, longestOpenMs: 35_000, countsUnderWay };
  return { clock, breaker: new Breaker(options, clock, () => 0) };
}

function fail(breaker: Breaker, times: number): void {
  for (let time = 0; time < times; time += 1) breaker.acquire().failed(CAUSE);
}

describe('a breaker', () => {
  it('lets calls through until there are too many failures in a row', () => {
    const { breaker } = setUp();

    fail(breaker, 2);
    breaker.acquire().succeeded();
    fail(breaker, 2);
    expect(breaker.refusal()).toBeUndefined();
    fail(breaker, 1);

    expect(breaker.refusal()).toEqual({ ...CAUSE, retryAfterMs: 10_000 });
  });

  it('lets one probe through after its time, which closes it', async () => {
    const { clock, breaker } = setUp();
    fail(breaker, 3);
    await clock.advance(10_000);
    expect(breaker.refusal()).toBeUndefined();

    const probe = breaker.acquire();
    expect(breaker.refusal()).toMatchObject(CAUSE);
    probe.succeeded();

    expect(breaker.refusal()).toBeUndefined();
    expect(breaker.idle).toBe(true);
  });

  it('stays open longer after each probe that fails, up to a limit', async () => {
    const { clock, breaker } = setUp();
    fail(breaker, 3);

    const times = [];
    for (let probe = 0; probe < 4; probe += 1) {
      const refusal = breaker.refusal() as CloudError;
      times.push(refusal.retryAfterMs);
      await clock.advance(refusal.retryAfterMs ?? 0);
      fail(breaker, 1);
    }

    expect(times).toEqual([10_000, 20_000, 35_000, 35_000]);
  });

  it('lets another probe through when one showed nothing', async () => {
    const { clock, breaker } = setUp();
    fail(breaker, 3);
    await clock.advance(10_000);

    breaker.acquire().released();

    expect(breaker.refusal()).toBeUndefined();
  });

  it('takes no notice of calls that were under way when it opened', () => {
    const { breaker } = setUp();
    const passes = Array.from({ length: 10 }, () => breaker.acquire());

    for (const pass of passes) pass.failed(CAUSE);

    expect(breaker.refusal()).toMatchObject({ retryAfterMs: 10_000 });
  });

  it('opens at once when it is to', () => {
    const { breaker } = setUp();

    breaker.acquire().failed(CAUSE, true);

    expect(breaker.refusal()).toMatchObject(CAUSE);
  });

  it('counts a pass once', () => {
    const { breaker } = setUp();
    const pass = breaker.acquire();

    for (let time = 0; time < 5; time += 1) pass.failed(CAUSE);

    expect(breaker.refusal()).toBeUndefined();
  });

  it('lets no more calls be under way than may still fail, where it counts them', () => {
    const { breaker } = setUp({ countsUnderWay: true });

    const [first, second, third] = [breaker.acquire(), breaker.acquire(), breaker.acquire()];
    expect(breaker.refusal()).toBe('busy');
    first.succeeded();
    expect(breaker.refusal()).toBeUndefined();
    second.failed(CAUSE);
    breaker.acquire();
    expect(breaker.refusal()).toBe('busy');
    third.released();

    expect(breaker.refusal()).toBeUndefined();
  });
});
