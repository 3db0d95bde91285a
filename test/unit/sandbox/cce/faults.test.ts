import { describe, expect, it } from '@jest/globals';
import { Faults } from '../../../../src/sandbox/cce/faults.js';
import { seededRandom } from '../../../../src/sandbox/cce/random.js';
import { DEFAULT_RATE_LIMIT, RateLimiter } from '../../../../src/sandbox/cce/rateLimit.js';
import type { RetryAfterForm } from '../../../../src/sandbox/cce/rateLimit.js';
import { CloudTime } from '../../../../src/sandbox/cce/time.js';
import { FakeClock } from '../../../support/fakeClock.js';

function strikes(faults: Faults, requests: number, jobID = 'a'): boolean[] {
  return Array.from({ length: requests }, () => faults.strike('jobs', jobID) !== undefined);
}

describe('fault rules', () => {
  it('strike by request count: after some, every n-th, a number of times', () => {
    const faults = new Faults(seededRandom(1));
    faults.add({ kind: 'error-500', after: 1, every: 2, times: 2 });

    expect(strikes(faults, 7)).toEqual([false, true, false, true, false, false, false]);
  });

  it('strike one job alone', () => {
    const faults = new Faults(seededRandom(1));
    faults.add({ kind: 'error-500', jobID: 'b' });

    expect(strikes(faults, 2, 'a')).toEqual([false, false]);
    expect(strikes(faults, 2, 'b')).toEqual([true, true]);
  });

  it('strike by probability, the same requests for the same seed', () => {
    const row = (): boolean[] => {
      const faults = new Faults(seededRandom(1));
      faults.add({ kind: 'error-500', probability: 0.3 });
      return strikes(faults, 1000);
    };

    const struck = row().filter(Boolean).length;

    expect(struck).toBeGreaterThan(250);
    expect(struck).toBeLessThan(350);
    expect(row()).toEqual(row());
  });

  it('let the oldest win, and go when they are removed', () => {
    const faults = new Faults(seededRandom(1));
    const first = faults.add({ kind: 'error-500' });
    faults.add({ kind: 'error-503' });

    expect(faults.strike('jobs', 'a')?.kind).toBe('error-500');
    expect(faults.remove(first)).toBe(true);
    expect(faults.strike('jobs', 'a')?.kind).toBe('error-503');
  });
});

describe('the rate limit', () => {
  const limiter = (retryAfter: RetryAfterForm): { limiter: RateLimiter; clock: FakeClock } => {
    const clock = new FakeClock('2026-01-01T00:00:00Z');
    const rule = { limit: 2, windowSeconds: 60, retryAfter, retryAfterProbability: 1 };
    return { limiter: new RateLimiter(rule, new CloudTime(clock), seededRandom(1)), clock };
  };

  it('refuses what is over the limit of a project, until its window ends', async () => {
    const { limiter: rate, clock } = limiter('none');

    expect([rate.take('a'), rate.take('a'), rate.take('b')]).toEqual([undefined, undefined, undefined]);
    expect(rate.take('a')).toEqual({
      status: 429,
      body: {
        error_msg:
          'The throttling threshold has been reached: policy user over ratelimit,limit:2,time:1 minute',
        error_code: 'APIGW.0308',
      },
    });
    await clock.advance(60_000);
    expect(rate.take('a')).toBeUndefined();
  });

  it.each<[RetryAfterForm, string]>([
    ['int', '57'],
    ['float', '56.818'],
    ['date', 'Thu, 01 Jan 2026 00:01:00 GMT'],
  ])('says when to come back as %s', async (form, header) => {
    const { limiter: rate, clock } = limiter(form);
    rate.take('a');
    rate.take('a');

    await clock.advance(3182);

    expect(rate.take('a')?.headers).toEqual({ 'Retry-After': header });
  });

  it('is by default what the gateway documents', () => {
    expect(DEFAULT_RATE_LIMIT).toMatchObject({ limit: 200, windowSeconds: 1 });
  });
});
