import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Budget, SLOT_MS, type BudgetSlot } from '../../../../src/cloud/limits/budget.js';
import { Rooms } from '../../../../src/cloud/limits/room.js';
import type { Clock } from '../../../../src/clock.js';
import { FakeClock } from '../../../support/fakeClock.js';
import type { Priority } from '../../../../src/priority.js';

/** A budget of one credential whose callers make their calls, in no time, as soon as they are admitted. */
class PromptBudget {
  readonly all: Budget;
  /** Of the last call; at first one that was not made. */
  #slot: BudgetSlot;

  constructor(
    limits: { requestsPerSecond: number; burst: number },
    clock: Clock,
    wake: (key: string) => void,
    rooms = new Rooms(),
  ) {
    this.all = new Budget(limits, { clock, random: () => 0, room: rooms.of('lab'), wake });
    const slot = this.all.acquire('before', 'f', 'low');
    if (slot === 'waiting') throw new Error('there was no slot');
    slot.release();
    this.#slot = slot;
  }

  acquire(key: string, priority: Priority, credential = 'f'): 'acquired' | 'waiting' {
    const slot = this.all.acquire(key, credential, priority);
    if (slot === 'waiting') return slot;
    slot.mayCall();
    slot.release();
    this.#slot = slot;
    return 'acquired';
  }

  cancel(key: string): void {
    this.all.cancel(key, 'f');
  }

  slowDown(ms: number | undefined, ofAll = false): void {
    this.#slot.slowDown(ms, ofAll);
  }

  succeeded(): void {
    this.#slot.succeeded();
  }

  /** Whether the last caller may call once more. */
  mayCallAgain(): boolean {
    return this.#slot.mayCall();
  }
}

function setUp(requestsPerSecond = 1, burst = 1) {
  const clock = new FakeClock();
  const woken: string[] = [];
  const budget = new PromptBudget({ requestsPerSecond, burst }, clock, (key) => woken.push(key));
  return { clock, woken, budget };
}

/** A budget whose callers take their turns at once; returns who called when. */
function setUpCallers(requestsPerSecond: number, burst: number) {
  const clock = new FakeClock();
  const calls: { readonly key: string; readonly at: number }[] = [];
  const acquire = (key: string, priority: Priority): void => {
    if (budget.acquire(key, priority) === 'acquired') calls.push({ key, at: clock.monotonic() });
  };
  const budget: PromptBudget = new PromptBudget({ requestsPerSecond, burst }, clock, (key) =>
    acquire(key, 'low'),
  );
  return { clock, calls, budget, acquire };
}

describe('a budget', () => {
  it('admits a burst, and then as many as the rate allows', async () => {
    const { clock, calls, acquire } = setUpCallers(2, 3);

    for (let n = 0; n < 7; n += 1) acquire(`job-${n}`, 'low');
    await clock.advance(2000);

    expect(calls.map(({ at }) => at)).toEqual([0, 0, 0, 500, 1000, 1500, 2000]);
    expect(clock.pending).toBe(0);
  });

  it('that gets other limits keeps what it has learnt of the limit of the cloud, in proportion', async () => {
    const { clock, calls, budget, acquire } = setUpCallers(4, 4);
    budget.slowDown(1000);
    budget.all.limit({ requestsPerSecond: 2, burst: 2 });

    for (let n = 0; n < 4; n += 1) acquire(`job-${n}`, 'low');
    await clock.advance(4000);

    expect(calls.map(({ at }) => at)).toEqual([1000, 2000, 3000, 4000]);
  });

  it('wakes keys in the order in which they came, urgent ones first', async () => {
    const { clock, calls, acquire } = setUpCallers(1, 1);

    acquire('first', 'low');
    for (const key of ['poll-a', 'poll-b']) acquire(key, 'low');
    for (const key of ['urgent-a', 'urgent-b']) acquire(key, 'high');
    await clock.advance(10_000);

    expect(calls.map(({ key }) => key)).toEqual(['first', 'urgent-a', 'urgent-b', 'poll-a', 'poll-b']);
  });

  it('gives low keys one slot in five however many high ones there are', async () => {
    const { clock, calls, acquire } = setUpCallers(1, 1);

    acquire('first', 'high');
    for (let n = 0; n < 20; n += 1) acquire(`urgent-${n}`, 'high');
    for (let n = 0; n < 3; n += 1) acquire(`poll-${n}`, 'low');
    await clock.advance(15_000);

    expect(calls.flatMap(({ key }, turn) => (key.startsWith('poll') ? [turn] : []))).toEqual([5, 10, 15]);
  });

  it('keeps the place of a key that enters again, and raises its priority', async () => {
    const { clock, woken, budget } = setUp();

    budget.acquire('first', 'low');
    for (const key of ['a', 'b', 'c']) budget.acquire(key, 'low');
    expect(budget.acquire('a', 'low')).toBe('waiting');
    expect(budget.acquire('c', 'high')).toBe('waiting');
    expect(budget.acquire('c', 'low')).toBe('waiting');
    for (let turn = 0; turn < 3; turn += 1) {
      await clock.advance(1000);
      expect(budget.acquire(woken.at(-1) ?? '', 'low')).toBe('acquired');
    }

    expect(woken).toEqual(['c', 'a', 'b']);
  });

  it('keeps a slot for the key that was woken, and gives it on when nobody comes', async () => {
    const { clock, woken, budget } = setUp(0.001);

    budget.acquire('first', 'low');
    budget.acquire('lost', 'low');
    budget.acquire('next', 'low');
    await clock.advance(1_000_000);
    expect(woken).toEqual(['lost']);
    expect(budget.acquire('other', 'high')).toBe('waiting');

    await clock.advance(SLOT_MS);
    expect(woken).toEqual(['lost', 'other']);
    expect(budget.acquire('other', 'high')).toBe('acquired');
  });

  it('forgets a key that leaves, and gives its slot to the next', async () => {
    const { clock, woken, budget } = setUp();

    budget.acquire('first', 'low');
    for (const key of ['a', 'b', 'c']) budget.acquire(key, 'low');
    budget.cancel('a');
    await clock.advance(1000);
    expect(woken).toEqual(['b']);
    budget.cancel('b');
    await clock.advance(0);

    expect(woken).toEqual(['b', 'c']);
  });

  it('makes no call before Retry-After has passed, slots that were reserved before included', async () => {
    const { clock, woken, budget } = setUp(1, 2);

    budget.acquire('a', 'low');
    budget.acquire('b', 'low');
    budget.acquire('c', 'low');
    await clock.advance(1000);
    expect(woken).toEqual(['c']);
    budget.slowDown(56_818);
    expect(budget.acquire('c', 'low')).toBe('waiting');
    expect(budget.acquire('d', 'high')).toBe('waiting');
    expect(budget.mayCallAgain()).toBe(false);
    await clock.advance(56_817);
    expect(woken).toEqual(['c']);

    await clock.advance(2001);
    expect(woken).toEqual(['c', 'c']);
  });

  it('pauses for about a minute when the cloud does not say for how long', async () => {
    const { clock, budget } = setUp(10, 10);

    budget.slowDown(undefined);
    await clock.advance(59_999);
    expect(budget.acquire('a', 'high')).toBe('waiting');
    budget.cancel('a');
    await clock.advance(201);

    expect(budget.acquire('a', 'high')).toBe('acquired');
  });

  it('halves its rate once for one refusal, however many calls were under way, and recovers step by step', async () => {
    const { clock, calls, budget, acquire } = setUpCallers(10, 1);
    const rate = async (): Promise<number> => {
      const before = calls.length;
      for (let n = 0; n < 200; n += 1) acquire(`job-${n}`, 'low');
      await clock.advance(10_000);
      for (let n = 0; n < 200; n += 1) budget.cancel(`job-${n}`);
      return (calls.length - before) / 10;
    };
    expect(await rate()).toBeCloseTo(10, 0);

    for (let n = 0; n < 8; n += 1) budget.slowDown(1000);
    await clock.advance(2000);
    expect(await rate()).toBeCloseTo(5, 0);

    for (let n = 0; n < 25; n += 1) budget.succeeded();
    expect(await rate()).toBeCloseTo(7.5, 0);
    for (let n = 0; n < 100; n += 1) budget.succeeded();
    expect(await rate()).toBeCloseTo(10, 0);
  });

  it('never stops altogether', async () => {
    const { clock, calls, budget, acquire } = setUpCallers(10, 1);

    for (let n = 0; n < 30; n += 1) {
      budget.slowDown(0);
      await clock.advance(1);
    }
    await clock.advance(10_000);
    for (let n = 0; n < 20; n += 1) acquire(`job-${n}`, 'low');
    await clock.advance(60_000);

    expect(calls.length).toBeGreaterThanOrEqual(6);
  });

  it('lets no more calls begin at once when those that were admitted begin late', async () => {
    const { clock, budget } = setUp(1, 2);

    const slots = ['a', 'b'].map((key) => budget.all.acquire(key, 'f', 'low'));
    const mayCall = (): boolean[] => slots.map((slot) => slot !== 'waiting' && slot.mayCall());
    await clock.advance(60_000);
    expect(mayCall()).toEqual([true, true]);
    expect(mayCall()).toEqual([false, false]);
    await clock.advance(1000);
    expect(mayCall()).toEqual([true, false]);
  });

  it('is idle only when nothing would be lost with it', async () => {
    const { clock, budget } = setUp(1, 1);
    budget.acquire('a', 'low');
    budget.slowDown(undefined);
    await clock.advance(3_600_000);
    expect(budget.all.idle).toBe(false);

    for (let n = 0; n < 100; n += 1) budget.succeeded();
    expect(budget.all.idle).toBe(true);
  });

  it('never admits more than burst and rate allow, loses no key, and pauses fully', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('acquire' as const), key: fc.nat(12), urgent: fc.boolean() }),
      fc.record({ kind: fc.constant('leave' as const), key: fc.nat(12) }),
      fc.record({ kind: fc.constant('refused' as const), ms: fc.nat(5000) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(3000) }),
    );

    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, calls, budget, acquire } = setUpCallers(2, 3);
        const wanted = new Map<string, number>();
        let pausedUntil = 0;
        for (const s of steps) {
          if (s.kind === 'acquire') {
            wanted.set(`${s.key}`, calls.length);
            acquire(`${s.key}`, s.urgent ? 'high' : 'low');
          } else if (s.kind === 'leave') {
            wanted.delete(`${s.key}`);
            budget.cancel(`${s.key}`);
          } else if (s.kind === 'refused') {
            budget.slowDown(s.ms);
            pausedUntil = Math.max(pausedUntil, clock.monotonic() + s.ms);
          } else {
            const from = calls.length;
            const until = pausedUntil;
            await clock.advance(s.ms);
            expect(calls.slice(from).every(({ at }) => at >= until)).toBe(true);
          }
        }
        await clock.advance(400_000);

        for (const [key, from] of wanted) expect(calls.slice(from).map((call) => call.key)).toContain(key);
        for (const [first, { at }] of calls.entries()) {
          for (let last = first; last < calls.length; last += 1) {
            const allowed = 3 + (((calls[last]?.at ?? 0) - at) / 1000) * 2;
            expect(last - first + 1).toBeLessThanOrEqual(allowed + 1e-6);
          }
        }
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the credentials of a project', () => {
  it('are slowed down each by itself', () => {
    const { budget } = setUp(10, 10);

    budget.slowDown(60_000);

    expect(budget.acquire('a', 'high')).toBe('waiting');
    expect(budget.acquire('b', 'low', 'another')).toBe('acquired');
  });

  it('are slowed down together when the cloud means everybody', () => {
    const { budget } = setUp(10, 10);

    budget.slowDown(60_000, true);

    expect(budget.acquire('b', 'high', 'another')).toBe('waiting');
  });

  it('share the budget, and take turns at it', async () => {
    const { clock, woken, budget } = setUp(1, 1);
    budget.acquire('first', 'low');
    for (let n = 0; n < 20; n += 1) budget.acquire(`many-${n}`, 'low');
    budget.acquire('one', 'low', 'another');

    for (let turn = 0; turn < 2; turn += 1) {
      await clock.advance(1000);
      budget.acquire(woken.at(-1) ?? '', 'low', woken.at(-1) === 'one' ? 'another' : 'f');
    }

    expect(woken).toEqual(['many-0', 'one']);
  });
});
