import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planShards, shardOf, type ShardLease } from '../../../src/kube/shardPlan.js';

/** `a` held by a; `a<b` held by a and claimed by b; `-` nobody's. */
function leases(text: string): ShardLease[] {
  return text.split(' ').map((lease) => {
    const [holder, claimant] = lease.split('<');
    return { holder: holder === '-' ? undefined : holder, claimant };
  });
}

describe('a plan', () => {
  it.each([
    ['a replica that is alone takes all shards', '- - - -', 'a', [0, 1, 2, 3]],
    ['of free shards a replica takes no more than its even share', '- - - b', 'a', [0, 1]],
    ['what a dead replica held is shared out among those that live', '- - b a', 'a', [0]],
    ['a replica with its share takes nothing', 'a a b -', 'a', []],
    ['nothing is taken of what is held', 'b b b b', 'a', []],
  ])('%s', (_, text, me, take) => {
    expect(planShards(leases(text), me).take).toEqual(take);
  });

  it.each([
    ['a newcomer claims a shard of the busiest replica', 'c b b b', 'a', 1],
    ['a claimed shard is not claimed again', 'b<c b b c', 'a', 1],
    ['a shard that this replica has claimed already counts as its own', 'b<a b a c', 'a', undefined],
    ['a second shard is claimed where two are owed', 'b<a b b b', 'a', 1],
    ['a difference of one shard is left alone', 'b b a c', 'a', undefined],
    ['nothing is claimed while a shard is free', 'b b b -', 'a', undefined],
    ['more replicas than shards stand by', 'b c', 'a', undefined],
  ])('%s', (_, text, me, claim) => {
    expect(planShards(leases(text), me).claim).toBe(claim);
  });

  it.each([
    ['a claimed shard is handed over to a replica with two fewer', 'a a<b a a', 'a', [[1, 'b']]],
    ['two claims are both granted while they make it more even', 'a<b a<c a a', 'a', [[0, 'b'], [1, 'c']]], // prettier-ignore
    ['a claim that would only turn the difference around is not granted', 'a a<b b', 'a', []],
    ["another replica's shard is not this one's to hand over", 'b b<c b', 'a', []],
  ])('%s', (_, text, me, handOver) => {
    expect([...planShards(leases(text), me).handOver]).toEqual(handOver);
  });

  it('of every replica together converges to an even share, and then rests', () => {
    const replicas = ['a', 'b', 'c', 'd', 'e'];
    const holder = fc.option(fc.constantFrom(...replicas, 'dead'), { nil: undefined });
    const any = fc.record({ holder, claimant: fc.option(fc.constantFrom(...replicas), { nil: undefined }) });
    fc.assert(
      fc.property(
        fc.array(any, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (start, count) => {
          const live = replicas.slice(0, count);
          let now: ShardLease[] = start.map(({ holder: before, claimant }) => ({
            holder: before !== undefined && live.includes(before) ? before : undefined,
            claimant,
          }));
          for (let round = 0; round < 20; round += 1) for (const me of live) now = act(now, me);

          const settled = live.map((me) => planShards(now, me));
          const loads = live.map((me) => now.filter((lease) => lease.holder === me).length);
          expect(now.every((lease) => lease.holder !== undefined)).toBe(true);
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(2);
          for (const plan of settled)
            expect(plan).toEqual({ take: [], claim: undefined, handOver: new Map() });
        },
      ),
    );
  });
});

/** What the Leases are like after one replica's round. */
function act(before: readonly ShardLease[], me: string): ShardLease[] {
  const { take, claim, handOver } = planShards(before, me);
  return before.map(({ holder, claimant }, shard) => {
    const to = handOver.get(shard);
    if (to !== undefined) return { holder: to, claimant: undefined };
    if (holder === me || take.includes(shard)) return { holder: me, claimant: undefined };
    return { holder, claimant: claim === shard ? me : claimant };
  });
}

describe('the shard of a text', () => {
  it.each([
    ['', 5, 1],
    ['354331b2c-229a-11e8-9c75-0255ac100ceb', 4, 3],
    ['354331b2c-229a-11e8-9c75-0255ac100ceb', 1, 0],
  ])('of %j is the same in every release: of %i it is number %i', (text, count, shard) => {
    expect(shardOf(text, count)).toBe(shard);
  });

  it('is as likely as any other', () => {
    const counts = [0, 0, 0, 0];
    for (let index = 0; index < 4_000; index += 1) {
      const shard = shardOf(`ff8080${index}-0255ac100ceb`, 4);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(850);
  });
});
