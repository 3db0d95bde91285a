import { describe, expect, it } from '@jest/globals';
import { Renewals, type Issued } from '../../../../src/cloud/auth/renewals.js';
import { FakeClock } from '../../../support/fakeClock.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NEVER = new AbortController().signal;

/** Tokens that last a day, as IAM's do; counts how many were issued for each key. */
class Issuer {
  readonly issued = new Map<string, number>();
  readonly clock = new FakeClock();
  readonly renewals = new Renewals<string>(this.clock, HOUR);

  async get(key: string): Promise<void> {
    const issue = (): Promise<Issued<string>> => {
      this.issued.set(key, (this.issued.get(key) ?? 0) + 1);
      return Promise.resolve({ ok: true, value: `token of ${key}`, lifetimeMs: 24 * HOUR });
    };
    const held = await this.renewals.get(key, issue, NEVER);
    if (!held.ok || held.value !== `token of ${key}`) throw new Error(`no token of ${key}`);
  }

  get total(): number {
    return [...this.issued.values()].reduce((sum, count) => sum + count, 0);
  }
}

describe('tokens', () => {
  it.each([1_001, 5_000])('of %d tenants that are polled in turn are issued once each', async (tenants) => {
    const issuer = new Issuer();

    for (let round = 0; round < 10; round += 1) {
      for (let tenant = 0; tenant < tenants; tenant += 1) await issuer.get(`tenant-${tenant}`);
      await issuer.clock.advance(MINUTE);
    }

    expect(issuer.total).toBe(tenants);
  });

  it('that nobody used for an hour are let go when others are issued; those in use stay', async () => {
    const issuer = new Issuer();
    await issuer.get('unused');
    for (let minute = 0; minute < 61; minute += 1) {
      await issuer.get('used');
      await issuer.clock.advance(MINUTE);
    }
    expect(issuer.renewals.size).toBe(2);

    await issuer.get('new');

    expect(issuer.renewals.size).toBe(2);
    await issuer.get('used');
    await issuer.get('unused');
    expect(Object.fromEntries(issuer.issued)).toEqual({ unused: 2, used: 1, new: 1 });
  });

  it('are bounded, and one more than that is issued all the same', async () => {
    const issuer = new Issuer();

    for (let tenant = 0; tenant <= 50_000; tenant += 1) await issuer.get(`tenant-${tenant}`);

    expect(issuer.renewals.size).toBe(50_000);
    expect(issuer.total).toBe(50_001);
  });
});
