import { describe, expect, it } from '@jest/globals';
import { jobBody } from '../../../support/jobs.js';
import { quickRandom } from '../../../support/seed.js';
import { TenantsWorld, type TenantAnswer } from '../../../support/tenants.js';

const MINUTE = 60_000;
const JOBS = 20;
const ENDED_AT = 5 * MINUTE;
const UNAVAILABLE: TenantAnswer = { status: 503, body: { error_code: 'APIGW.0201', error_msg: 'backend' } };

/**
 * 20 CloudJobs are followed; then their jobs end, and from that moment this share of the answers is 503.
 *
 * @param mendedAfterMs when all answers are good again
 */
async function play(failing: number, seed: number, forMs: number, mendedAfterMs = Infinity) {
  const luck = quickRandom(seed + 1000);
  const answer = (index: number, now: number): TenantAnswer => {
    const uid = `flaky-${index}`;
    if (now < ENDED_AT) return { status: 200, body: jobBody({ uid, phase: 'Running' }) };
    const isFailing = now < ENDED_AT + mendedAfterMs && luck() < failing;
    return isFailing ? UNAVAILABLE : { status: 200, body: jobBody({ uid, phase: 'Success' }) };
  };
  const tenant = {
    name: 'flaky',
    jobs: JOBS,
    secret: () => ({ token: 'token' }),
    projectID: () => 'one',
    answer,
  };
  const world = new TenantsWorld([tenant], undefined, quickRandom(seed));
  await world.clock.advance(ENDED_AT + forMs);
  const { polls, writes } = world.seen('flaky');
  return {
    calls: polls.filter((at) => at >= ENDED_AT).map((at) => at - ENDED_AT),
    reported: writes.filter(({ status: { phase } }) => phase === 'Success').map(({ at }) => at - ENDED_AT),
  };
}

/** A poll every 20 seconds would need five attempts for each job: 100 s on average. */
const TWICE_A_FIXED_POLL_MS = 200_000;

const average = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

describe('a region that fails four of five calls', () => {
  const plays = Promise.all([1, 2, 3, 4, 5, 6].map((seed) => play(0.8, seed, 10 * MINUTE)));

  it('is still seen: within about four minutes the end of every job is reported', async () => {
    for (const { reported } of await plays) {
      expect(reported).toHaveLength(JOBS);
      expect(Math.max(...reported)).toBeLessThan(4.5 * MINUTE);
      expect(average(reported)).toBeLessThan(TWICE_A_FIXED_POLL_MS);
    }
  });

  it('costs no more calls than the attempts that the jobs need: five each', async () => {
    const calls = average((await plays).map((one) => one.calls.length));

    expect(calls).toBeLessThan(1.2 * 5 * JOBS);
  });
});

describe('a region that fails every call', () => {
  it('is rarely called: soon once a minute, however many jobs it has', async () => {
    const { calls, reported } = await play(1, 1, 30 * MINUTE);

    expect(reported).toEqual([]);
    expect(calls.filter((at) => at < MINUTE).length).toBeLessThan(40);
    expect(calls.filter((at) => at >= 2 * MINUTE).length).toBeLessThanOrEqual(28);
  });

  it('is seen again within two minutes after it works', async () => {
    const { reported } = await play(1, 1, 12 * MINUTE, 10 * MINUTE);

    expect(reported).toHaveLength(JOBS);
  });
});
