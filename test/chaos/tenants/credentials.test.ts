import { describe, expect, it } from '@jest/globals';
import {
  isUntroubled,
  TenantsWorld,
  type Seen,
  type Tenant,
  type TenantAnswer,
} from '../../support/tenants.js';

const MINUTE = 60_000;
const PASSED = 7 * MINUTE;
const REJECTED: TenantAnswer = { status: 401, body: { error_code: 'APIGW.0301', error_msg: 'rejected' } };
const LOCKED: TenantAnswer = {
  status: 401,
  body: { error_code: 'APIGW.0301', error_msg: 'AK access failed to reach the limit,forbidden.' },
};
const UNAVAILABLE: TenantAnswer = {
  status: 503,
  body: { error_code: 'APIGW.0201', error_msg: 'of A alone' },
};
const THROTTLED: TenantAnswer = {
  status: 429,
  body: { error_code: 'APIGW.0308', error_msg: 'policy user over ratelimit,limit:10' },
};
const SLOW: TenantAnswer = { ...UNAVAILABLE, afterMs: 9_000 };

const GOOD: Tenant = {
  name: 'good',
  jobs: 5,
  secret: () => ({ accessKey: 'AK', secretKey: 'right' }),
  projectID: () => 'shared',
};

/** A tenant of each kind that once stopped others. */
const BAD: Readonly<Record<string, Omit<Tenant, 'name'>>> = {
  "wrong secret keys for the good one's access key": {
    jobs: 40,
    // Edited all the time, so that each is a new one.
    secret: (index, now) => ({ accessKey: 'AK', secretKey: `wrong-${index}-${Math.floor(now / MINUTE)}` }),
    projectID: () => 'another',
    answer: () => REJECTED,
  },
  'wrong secret keys that stay as they are, in the same project': {
    jobs: 40,
    secret: (index) => ({ accessKey: 'AK', secretKey: `wrong-${index}` }),
    projectID: () => 'shared',
    answer: () => REJECTED,
  },
  'wrong tokens, many in the same project': {
    jobs: 100,
    secret: (index) => ({ token: `token-${index % 30}` }),
    projectID: () => 'shared',
    answer: () => REJECTED,
  },
  'credentials that get 503, many in the same project': {
    jobs: 100,
    secret: (index) => ({ token: `token-${index % 10}` }),
    projectID: () => 'shared',
    answer: () => UNAVAILABLE,
  },
  'broken projects, many in the same region': {
    jobs: 100,
    secret: () => ({ token: 'token' }),
    projectID: (index) => `broken-${index % 20}`,
    answer: () => UNAVAILABLE,
  },
  'throttling, in the same project': {
    jobs: 100,
    secret: (index) => ({ token: `token-${index % 5}` }),
    projectID: () => 'shared',
    answer: () => THROTTLED,
  },
  'a region that takes 9 s for each answer': {
    jobs: 300,
    secret: (index) => ({ token: `token-${index}` }),
    projectID: (index) => `slow-${index % 30}`,
    region: 'south',
    answer: (index) => (index % 2 === 0 ? SLOW : { ...REJECTED, afterMs: 9_000 }),
  },
};

/** An access key is locked, for everybody, by the sixth failure in a row. */
function lockKeys(world: TenantsWorld, bad: Omit<Tenant, 'name'>): { times: number } {
  const lock = { failures: 0, until: 0, times: 0 };
  world.onPoll = (tenant, at) => {
    if (!('accessKey' in (tenant === 'good' ? GOOD : bad).secret(0, at))) return undefined;
    if (at < lock.until) return LOCKED;
    lock.failures = tenant === 'good' ? 0 : lock.failures + 1;
    if (lock.failures <= 5) return undefined;
    lock.failures = 0;
    lock.until = at + 5 * MINUTE;
    lock.times += 1;
    return LOCKED;
  };
  return lock;
}

async function play(bad?: Omit<Tenant, 'name'>): Promise<Seen> {
  const world = new TenantsWorld(bad === undefined ? [GOOD] : [{ ...bad, name: 'bad' }, GOOD]);
  const lock = bad === undefined ? undefined : lockKeys(world, bad);
  await world.clock.advance(PASSED);
  expect(lock?.times ?? 0).toBe(0);
  return world.seen('good');
}

/** How much later a change may be in a status than without the neighbour, in milliseconds. */
const LATER_MS = 150;
/** The same where its first poll had to wait: at which moments it polls later follows from that of the first. */
const SHIFTED_MS = 500;
const max = (numbers: readonly number[]): number => Math.max(...numbers);

// There is no jitter in this world: two runs are the same but for what the neighbour costs.
describe('beside a tenant with', () => {
  const alone = play();

  it.each(Object.keys(BAD))('%s a good one that works is served as without it', async (kind) => {
    const before = await alone;

    const seen = await play({ ...(BAD[kind] as Omit<Tenant, 'name'>), from: MINUTE });

    expect(isUntroubled(seen)).toBe(true);
    expect(seen.polls).toHaveLength(before.polls.length);
    expect(seen.writes.map(({ status }) => status.type)).toEqual(
      before.writes.map(({ status }) => status.type),
    );
    expect(seen.delays).toHaveLength(before.delays.length);
    expect(max(seen.delays.map((ms, index) => ms - (before.delays[index] ?? 0)))).toBeLessThanOrEqual(
      LATER_MS,
    );
  });

  // It may wait for its first poll: as long as a breaker that nobody has closed yet, or for the project's budget.
  it.each(Object.keys(BAD))('%s a good one that comes with it is served as without it', async (kind) => {
    const before = await alone;

    const seen = await play(BAD[kind]);

    expect(isUntroubled(seen)).toBe(true);
    expect(seen.polls.length).toBeGreaterThanOrEqual(before.polls.length - GOOD.jobs);
    expect(seen.writes.length).toBeLessThanOrEqual(before.writes.length + GOOD.jobs);
    expect(seen.delays).toHaveLength(before.delays.length);
    expect(max(seen.delays)).toBeLessThanOrEqual(max(before.delays) + SHIFTED_MS);
  });
});

describe('a user', () => {
  /** IAM locks a user after five wrong passwords within 15 minutes, for as long. */
  function iam() {
    const wrong: number[] = [];
    const tried: string[] = [];
    const lock = { now: () => 0, wrong, tried, until: 0 };
    const logIn = (username: string, password: string): TenantAnswer => {
      const now = lock.now();
      tried.push(`${username}:${password}`);
      if (now < lock.until) return REJECTED;
      const headers = { 'x-subject-token': `token-of-${username}` };
      if (password === 'right') return { status: 201, headers, body: {} };
      if (username !== 'reader') return REJECTED;
      wrong.push(now);
      if (wrong.filter((at) => now - at < 15 * MINUTE).length >= 5) lock.until = now + 15 * MINUTE;
      return REJECTED;
    };
    return { lock, logIn };
  }

  const password = (username: string, word: string) => ({ username, password: word, domainName: 'domain' });
  const late: Tenant = {
    ...GOOD,
    jobs: 3,
    from: 2 * MINUTE,
    secret: () => password('reader', 'right'),
    projectID: (index) => `good-${index}`,
  };

  it('whose password a stranger mistypes in twelve projects is not locked, and logs in', async () => {
    const bad: Tenant = {
      name: 'bad',
      jobs: 12,
      secret: () => password('reader', 'wrong'),
      projectID: (index) => `bad-${index}`,
    };
    const { lock, logIn } = iam();
    const world = new TenantsWorld([bad, late], logIn);
    lock.now = () => world.clock.monotonic();

    await world.clock.advance(PASSED);

    expect(lock.until).toBe(0);
    expect(lock.wrong.length).toBeLessThanOrEqual(3);
    expect(isUntroubled(world.seen('good'))).toBe(true);
    expect(world.seen('good').polls[0]).toBeLessThan(2 * MINUTE + 5_000);
  });

  it('waits for IAM no longer for 1,200 CloudJobs with wrong passwords', async () => {
    const bad: Tenant = {
      name: 'bad',
      jobs: 1_200,
      secret: (index) => password(`user-${index % 600}`, `wrong-${index % 1_200}`),
      projectID: (index) => `bad-${index}`,
    };
    const { lock, logIn } = iam();
    const world = new TenantsWorld([bad, { ...late, from: 10_000 }], logIn);
    lock.now = () => world.clock.monotonic();

    await world.clock.advance(2 * MINUTE);

    expect(isUntroubled(world.seen('good'))).toBe(true);
    expect(world.seen('good').polls[0]).toBeLessThan(15_000);
  });
});

describe('a token that has expired', () => {
  it('costs a call now and then, and is used within seconds when it is mended', async () => {
    const MENDED = 6 * MINUTE;
    const bad: Tenant = {
      name: 'bad',
      jobs: 200,
      secret: (_, now) => ({ token: now < MENDED ? 'expired' : 'renewed' }),
      projectID: () => 'another',
      answer: (index, now) =>
        now < MENDED
          ? REJECTED
          : {
              status: 200,
              body: { kind: 'Job', metadata: { uid: `bad-${index}` }, status: { phase: 'Success' } },
            },
    };
    const world = new TenantsWorld([bad, GOOD]);

    await world.clock.advance(MENDED);
    const { polls } = world.seen('bad');
    expect(polls.filter((at) => at < 5 * MINUTE).length).toBeLessThanOrEqual(10);

    await world.clock.advance(40_000);
    const first = world.seen('bad').polls.find((at) => at > MENDED);
    expect(first).toBeLessThan(MENDED + 12_000);
    // The budget of the project is all that the others wait for.
    const done = world.seen('bad').writes.filter(({ status }) => status.phase === 'Success');
    expect(done).toHaveLength(200);
    expect(isUntroubled(world.seen('good'))).toBe(true);
  });
});
