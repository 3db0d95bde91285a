import { describe, expect, it } from '@jest/globals';
import { Breaker, type BreakerOptions } from '../../../../src/cloud/limits/breaker.js';
import { FakeClock } from '../../../support/fakeClock.js';

function setUp(countsUnderWay: BreakerOptions['countsUnderWay'] = 'never') {
  const clock = new FakeClock();
  const options = { failures: 3, openMs: 10_000, longestOpenMs: 35_000, countsUnderWay };
  const make = (name: string, wider?: Breaker): Breaker => new Breaker(name, options, clock, () => 0, wider);
  return { clock, make, breaker: make('x') };
}

function fail(breaker: Breaker, times: number): void {
  for (let time = 0; time < times; time += 1) breaker.acquire()('failed');
}

describe('a breaker', () => {
  it('lets calls through until there are too many failures in a row', () => {
    const { breaker } = setUp();

    fail(breaker, 2);
    breaker.acquire()('succeeded');
    fail(breaker, 2);
    expect(breaker.refusal()).toBeUndefined();
    fail(breaker, 1);

    expect(breaker.refusal()).toEqual({ kind: 'held', by: 'x', ms: 10_000 });
  });

  it('lets one probe through after its time, which closes it', async () => {
    const { clock, breaker } = setUp();
    fail(breaker, 3);
    await clock.advance(10_000);
    expect(breaker.refusal()).toBeUndefined();

    const endProbe = breaker.acquire();
    expect(breaker.refusal()).toMatchObject({ kind: 'held' });
    endProbe('succeeded');

    expect(breaker.refusal()).toBeUndefined();
    expect(breaker.idle).toBe(true);
  });

  it('stays open longer after each probe that fails, up to a limit', async () => {
    const { clock, breaker } = setUp();
    fail(breaker, 3);

    const times = [];
    for (let probe = 0; probe < 4; probe += 1) {
      const refusal = breaker.refusal();
      const ms = refusal?.kind === 'held' ? refusal.ms : 0;
      times.push(ms);
      await clock.advance(ms);
      fail(breaker, 1);
    }

    expect(times).toEqual([10_000, 20_000, 35_000, 35_000]);
  });

  it('lets another probe through when one showed nothing', async () => {
    const { clock, breaker } = setUp();
    fail(breaker, 3);
    await clock.advance(10_000);

    breaker.acquire()('unclear');

    expect(breaker.refusal()).toBeUndefined();
  });

  it('takes no notice of calls that were under way when it opened', () => {
    const { breaker } = setUp();
    const ends = Array.from({ length: 10 }, () => breaker.acquire());

    for (const end of ends) end('failed');

    expect(breaker.refusal()).toMatchObject({ ms: 10_000 });
  });

  it('lets no more calls be under way than may still fail, where it counts them', () => {
    const { breaker } = setUp('always');

    const [first, second, third] = [breaker.acquire(), breaker.acquire(), breaker.acquire()];
    expect(breaker.refusal()).toEqual({ kind: 'busy' });
    first('succeeded');
    expect(breaker.refusal()).toBeUndefined();
    second('failed');
    breaker.acquire();
    expect(breaker.refusal()).toEqual({ kind: 'busy' });
    third('unclear');

    expect(breaker.refusal()).toBeUndefined();
  });

  it('counts calls under way only until one has succeeded, where it is to', () => {
    const { breaker } = setUp('untilItWorks');
    const [first] = [breaker.acquire(), breaker.acquire(), breaker.acquire()];
    expect(breaker.refusal()).toEqual({ kind: 'busy' });

    first('succeeded');
    for (let call = 0; call < 10; call += 1) breaker.acquire();

    expect(breaker.refusal()).toBeUndefined();
  });
});

describe('the breaker of a wider scope', () => {
  function setUpScopes() {
    const { clock, make } = setUp();
    const wide = make('wide');
    const parts = ['a', 'b', 'c', 'd'].map((name) => make(name, wide));
    const [a, b, c, d] = parts as [Breaker, Breaker, Breaker, Breaker];
    return { clock, wide, a, b, c, d };
  }

  it('opens when several of its parts have, and not when one has again and again', async () => {
    const { clock, wide, a, b, c } = setUpScopes();
    for (let time = 0; time < 10; time += 1) {
      fail(a, 3);
      await clock.advance(60_000);
    }
    expect(wide.open).toBe(false);

    fail(b, 3);
    fail(c, 3);

    expect(wide.open).toBe(true);
  });

  it('holds back a part that nothing is known of, in its own name, and lets it find out by itself after that', async () => {
    const { clock, a, b, c, d } = setUpScopes();
    for (const part of [a, b, c]) fail(part, 3);

    expect(d.refusal()).toEqual({ kind: 'held', by: 'wide', ms: 10_000 });
    await clock.advance(10_000);
    // However quick the others are to fail again.
    for (const part of [a, b, c]) fail(part, 1);

    expect(d.refusal()).toBeUndefined();
  });

  it('never holds back a part that works', () => {
    const { a, b, c, d } = setUpScopes();
    d.acquire()('succeeded');
    for (const part of [a, b, c]) fail(part, 3);

    expect(d.refusal()).toBeUndefined();
    d.acquire()('failed');

    expect(d.refusal()).toMatchObject({ by: 'wide' });
  });

  it('closes when any part succeeds', () => {
    const { wide, a, b, c, d } = setUpScopes();
    const end = d.acquire();
    for (const part of [a, b, c]) fail(part, 3);

    end('succeeded');

    expect(wide.open).toBe(false);
    expect(a.refusal()).toMatchObject({ by: 'a' });
  });
});
