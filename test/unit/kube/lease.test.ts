import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeaseHolder, LeaseLost, type ShardRun } from '../../../src/kube/lease.js';
import { onAbort } from '../../../src/signals.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { LeaseClient, LeaseServer, type Network } from './leaseServer.js';
import { failure, half, MemoryLogger } from './support.js';

/** One replica: once started, it works for the Leases that it holds, until it is stopped or loses one. */
class Replica {
  readonly client: LeaseClient;
  readonly logger = new MemoryLogger();
  holder: LeaseHolder;
  /** The shards that work is done for. */
  readonly works = new Set<number>();
  /** How the last run ended: `stopped`, or what was thrown. */
  ended: unknown;
  /** How long the work on a shard goes on after its stop, in milliseconds. */
  drainMs = 0;
  #stop = new AbortController();
  #starts = 0;

  constructor(
    server: LeaseServer,
    private readonly clock: FakeClock,
    readonly name: string,
    private readonly count = 1,
    private readonly predecessors?: string,
  ) {
    this.client = new LeaseClient(server);
    this.holder = this.#newHolder();
  }

  /** Whether it does work that only the holder of a Lease may do. */
  get isWorking(): boolean {
    return this.works.size > 0;
  }

  async start(): Promise<void> {
    this.#stop = new AbortController();
    this.ended = undefined;
    if (this.#starts > 0) this.holder = this.#newHolder();
    this.#starts += 1;
    void this.holder.run(this.#stop.signal, this.#work).then(
      () => (this.ended = 'stopped'),
      (error: unknown) => (this.ended = error),
    );
    await settle();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await settle();
  }

  /** A process that starts again is another one. */
  #newHolder(): LeaseHolder {
    return new LeaseHolder({
      client: this.client,
      clock: this.clock,
      random: half,
      logger: this.logger,
      namespace: 'ops',
      name: 'operator',
      identity: this.#starts === 0 ? this.name : `${this.name}${this.#starts}`,
      count: this.count,
      predecessors: this.predecessors,
    });
  }

  readonly #work: ShardRun = async (shard, stop, lost) => {
    this.works.add(shard);
    await Promise.race([aborted(stop), aborted(lost)]);
    if (!lost.aborted && this.drainMs > 0) {
      await Promise.race([aborted(lost), new Promise<void>((r) => this.clock.schedule(this.drainMs, r))]);
    }
    this.works.delete(shard);
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    onAbort(signal, resolve);
  });
}

function waitingFor(holder: string | undefined) {
  return {
    level: 'info',
    message: 'waiting for the lease',
    fields: { namespace: 'ops', lease: 'operator', holder },
  };
}

let server: LeaseServer;
let clock: FakeClock;

beforeEach(() => {
  server = new LeaseServer();
  clock = new FakeClock('2026-01-01T00:00:00.123Z');
});

async function leader(name = 'a'): Promise<Replica> {
  const replica = new Replica(server, clock, name);
  await replica.start();
  expect(replica.isWorking).toBe(true);
  return replica;
}

async function standby(name = 'b'): Promise<Replica> {
  const replica = new Replica(server, clock, name);
  await replica.start();
  expect(replica.isWorking).toBe(false);
  return replica;
}

describe('a free Lease', () => {
  it('is created by the first replica, in the form of the API', async () => {
    const replica = await leader();

    expect(replica.holder.leading).toBe(true);
    // metav1.MicroTime wants six fraction digits.
    expect(server.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.123000Z',
      renewTime: '2026-01-01T00:00:00.123000Z',
      leaseTransitions: 0,
    });
  });

  it('goes to one of those that want it at the same time', async () => {
    const replicas = ['a', 'b', 'c'].map((name) => new Replica(server, clock, name));

    await Promise.all(replicas.map((replica) => replica.start()));

    expect(replicas.filter(({ isWorking }) => isWorking)).toHaveLength(1);
  });

  it('is waited for while the API server fails', async () => {
    const replica = new Replica(server, clock, 'a');
    replica.client.network = 'failing';
    await replica.start();
    await clock.advance(60_000);
    const before = replica.isWorking;
    replica.client.network = 'good';
    await clock.advance(2_400);

    expect([before, replica.isWorking]).toEqual([false, true]);
    expect(replica.logger.lines[0]).toMatchObject({ level: 'warn', message: 'lease not reachable' });
  });

  it('is not waited for by a replica that is stopped', async () => {
    await leader('a');
    const waiting = await standby();

    await waiting.stop();

    expect(waiting.ended).toBe('stopped');
    expect(waiting.logger.lines).toEqual([waitingFor('a')]);
    expect(server.spec['holderIdentity']).toBe('a');
  });

  it('that cannot be reached holds up nobody who is stopped', async () => {
    const replica = new Replica(server, clock, 'a');
    replica.client.network = 'hanging';
    await replica.start();

    await replica.stop();

    expect(replica.ended).toBe('stopped');
    expect(replica.logger.lines).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('is not claimed by a replica that was stopped before', async () => {
    const { holder } = new Replica(server, clock, 'a');

    await holder.run(AbortSignal.abort(), () => Promise.reject(new Error('must not work')));

    expect(server.lease).toBeUndefined();
  });
});

describe('a Lease that is held', () => {
  it('is renewed every two seconds, without another transition and without annotations', async () => {
    await leader();

    await clock.advance(60_000);

    expect(server.spec).toMatchObject({ renewTime: '2026-01-01T00:01:00.123000Z', leaseTransitions: 0 });
    expect(server.spec['acquireTime']).toBe('2026-01-01T00:00:00.123000Z');
    expect(server.writes).toHaveLength(31);
    expect(JSON.stringify(server.writes)).not.toContain('annotations');
  });

  it('survives short failures of the API server', async () => {
    const replica = await leader();

    for (let outage = 0; outage < 5; outage += 1) {
      replica.client.network = 'failing';
      await clock.advance(7_000);
      replica.client.network = 'good';
      await clock.advance(3_000);
    }

    expect(replica.isWorking).toBe(true);
  });

  it.each<Network>(['failing', 'hanging', 'deaf'])(
    'is lost, and the work aborted, after ten seconds of an API server that is %s',
    async (network) => {
      const replica = await leader();
      replica.client.network = network;

      await clock.advance(9_999);
      const almost = replica.isWorking;
      await clock.advance(1);

      expect([almost, replica.isWorking]).toEqual([true, false]);
      expect(replica.ended).toBeInstanceOf(LeaseLost);
      expect(replica.holder.leading).toBe(false);
      expect(clock.pending).toBe(0);
    },
  );

  it('is lost when somebody else has taken it', async () => {
    const replica = await leader();
    server.store({ holderIdentity: 'thief' });

    await clock.advance(2_000);

    expect(replica.ended).toMatchObject({
      name: 'LeaseLost',
      message: 'lease ops/operator was lost; another replica may hold it now',
    });
    expect(server.spec['holderIdentity']).toBe('thief');
  });

  it('is not believed in any more by a process that was paused, before any timer runs', async () => {
    const replica = await leader();
    await clock.advance(2_000);
    clock.pause(9_999);
    const almost = replica.holder.leading;
    clock.pause(1);

    expect([almost, replica.holder.leading]).toEqual([true, false]);
    expect(replica.isWorking).toBe(true);
  });

  it('is renewed until the work has ended, however long that takes after a stop', async () => {
    const replica = await leader();
    replica.drainMs = 30_000;

    await replica.stop();
    await clock.advance(29_999);
    const { holderIdentity } = server.spec;
    const { leading } = replica.holder;
    await clock.advance(1);

    expect([holderIdentity, leading]).toEqual(['a', true]);
    expect(replica.ended).toBe('stopped');
    expect(server.spec['holderIdentity']).toBe('');
  });

  it('leaves no timer behind', async () => {
    const replica = await leader();

    await replica.stop();

    expect(replica.ended).toBe('stopped');
    expect(clock.pending).toBe(0);
  });

  it('passes on the failure of the work, and is given back', async () => {
    const { holder } = new Replica(server, clock, 'a');
    const broken = new Error('broken');

    const error = await failure(holder.run(new AbortController().signal, () => Promise.reject(broken)));

    expect(error).toBe(broken);
    expect(holder.leading).toBe(false);
    expect(server.spec['holderIdentity']).toBe('');
    expect(clock.pending).toBe(0);
  });
});

describe('a Lease that is given back', () => {
  it('goes to a waiting replica within one retry', async () => {
    const first = await leader('a');
    const second = await standby('b');

    await first.stop();
    await clock.advance(2_400);

    expect(first.ended).toBe('stopped');
    expect(second.isWorking).toBe(true);
    expect(server.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1, leaseDurationSeconds: 15 });
  });

  it('has no holder, and the replica does not lead any more', async () => {
    const replica = await leader();

    await replica.stop();

    expect(server.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(replica.holder.leading).toBe(false);
  });

  it('is given back although somebody has written to it since it was read', async () => {
    const replica = await leader();
    const { get } = replica.client;
    replica.client.get = async (...request) => {
      const lease = await get(...request);
      replica.client.get = get;
      server.store({}, 'operator', { note: 'hello' });
      return lease;
    };

    await replica.stop();

    expect(replica.ended).toBe('stopped');
    expect(server.spec['holderIdentity']).toBe('');
  });

  it('is left as it is when the API server does not answer, and the replica ends all the same', async () => {
    const replica = await leader();
    replica.client.network = 'hanging';
    await replica.stop();
    await clock.advance(2_000);

    expect(replica.ended).toBe('stopped');
    expect(replica.logger.lines).toContainEqual(expect.objectContaining({ message: 'lease not released' }));
  });
});

describe("another's Lease", () => {
  it.each([
    ['that agrees', 0],
    ['that is a day ahead', 86_400_000],
    ['that is a day behind', -86_400_000],
  ])('is taken after its duration on the own clock, with a wall clock %s', async (_, step) => {
    server.store({
      holderIdentity: 'dead',
      leaseDurationSeconds: 30,
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 4,
    });
    clock.step(step);
    const replica = await standby('a');

    await clock.advance(30_000);
    const before = replica.isWorking;
    // Not a whole retry later: it is known when it expires.
    await clock.advance(201);

    expect([before, replica.isWorking]).toEqual([false, true]);
    expect(server.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
  });

  it('is not taken while it is renewed, and it is logged once who holds it', async () => {
    const holder = await leader('a');
    const replica = await standby('b');

    await clock.advance(300_000);

    expect([holder.isWorking, replica.isWorking]).toEqual([true, false]);
    expect(replica.logger.lines).toEqual([waitingFor('a')]);
  });

  it('is taken by one of those that wait, and the others log that they wait for that one', async () => {
    const holder = await leader('a');
    const waiting = await Promise.all(['b', 'c', 'd'].map((name) => standby(name)));
    holder.client.network = 'hanging';

    await clock.advance(60_000);

    const next = waiting.find(({ isWorking }) => isWorking);
    const others = waiting.filter(({ isWorking }) => !isWorking);
    expect(others).toHaveLength(2);
    for (const { logger } of others) {
      expect(logger.lines).toEqual([waitingFor('a'), waitingFor(next?.name)]);
    }
  });

  it('is taken over from a leader that lost the network, only after that has stopped', async () => {
    const holder = await leader('a');
    const replica = await standby('b');
    await clock.advance(20_000);
    holder.client.network = 'hanging';

    const seen: string[] = [];
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1_000);
      seen.push([holder.isWorking && 'a', replica.isWorking && 'b'].filter(Boolean).join('+'));
    }

    expect([...new Set(seen)]).toEqual(['a', '', 'b']);
  });
});

describe('a container that is restarted in its pod', () => {
  /** It starts again while its dead process still holds the Lease. */
  async function restarted(predecessors?: string, count = 1): Promise<Replica> {
    const replica = new Replica(server, clock, 'node-1_uid-1_a', count, predecessors);
    await replica.start();
    replica.client.network = 'hanging';
    await clock.advance(10_000);
    expect(replica.ended).toBeInstanceOf(LeaseLost);
    replica.client.network = 'good';
    await replica.start();
    return replica;
  }

  it('takes its own Lease back at once', async () => {
    const replica = await restarted('node-1_uid-1_');

    expect(replica.isWorking).toBe(true);
    expect(server.spec).toMatchObject({ holderIdentity: 'node-1_uid-1_a1', leaseTransitions: 1 });
  });

  it('takes all its shards back at once', async () => {
    const replica = await restarted('node-1_uid-1_', 3);

    expect(replica.works).toEqual(new Set([0, 1, 2]));
  });

  it('waits until the Lease expires where the pod is not known', async () => {
    const replica = await restarted();
    const before = replica.isWorking;
    await clock.advance(15_201);

    expect([before, replica.isWorking]).toEqual([false, true]);
  });

  it('leaves the Lease of another pod alone', async () => {
    server.store({ holderIdentity: 'node-1_uid-10_a', leaseDurationSeconds: 15 });
    const replica = new Replica(server, clock, 'node-1_uid-1_b', 1, 'node-1_uid-1_');
    await replica.start();

    expect(replica.isWorking).toBe(false);
    expect(server.spec['holderIdentity']).toBe('node-1_uid-10_a');
  });

  it('ends a process that was not dead after all', async () => {
    const first = await leader('node-1_uid-1_a');
    const second = new Replica(server, clock, 'node-1_uid-1_b', 1, 'node-1_uid-1_');
    await second.start();
    await clock.advance(2_000);

    expect([first.isWorking, second.isWorking]).toEqual([false, true]);
    expect(first.ended).toBeInstanceOf(LeaseLost);
  });
});

/** What plain leader election wrote before shards and it became one: a rolling update has both at the same time. */
describe('the Lease of an earlier release', () => {
  const held = {
    holderIdentity: 'old-6d5f_0a1b',
    leaseDurationSeconds: 15,
    acquireTime: '2025-12-31T20:00:00.000000Z',
    renewTime: '2026-01-01T00:00:00.000000Z',
    leaseTransitions: 7,
  };

  it('is left to its holder while that renews it', async () => {
    server.store(held);
    const replica = await standby('new');

    for (let renewal = 1; renewal <= 30; renewal += 1) {
      await clock.advance(2_000);
      server.store({ renewTime: `2026-01-01T00:00:00.${String(renewal).padStart(6, '0')}Z` });
    }

    expect(replica.isWorking).toBe(false);
    expect(server.writes).toEqual([]);
  });

  it('is taken within three seconds when its holder has released it', async () => {
    server.store(held);
    const replica = await standby('new');
    await clock.advance(1_000);

    server.store({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: '2026-01-01T00:00:01.000000Z',
    });
    await clock.advance(3_000);

    expect(replica.isWorking).toBe(true);
    expect(server.spec).toMatchObject({
      holderIdentity: 'new',
      leaseDurationSeconds: 15,
      leaseTransitions: 8,
    });
  });

  it('is taken when it has expired', async () => {
    server.store(held);
    const replica = await standby('new');

    await clock.advance(15_000);
    const before = replica.isWorking;
    await clock.advance(201);

    expect([before, replica.isWorking]).toEqual([false, true]);
  });

  it('has the name and the fields that it always had, held and released, so that the way back is open', async () => {
    const replica = await leader('new');
    const during = server.spec;

    await replica.stop();

    expect([...server.leases.keys()]).toEqual(['operator']);
    expect(Object.keys(during).toSorted()).toEqual(Object.keys(held).toSorted());
    expect(server.lease?.metadata['annotations']).toEqual({});
    expect(server.spec).toEqual({ ...during, holderIdentity: '', leaseDurationSeconds: 1 });
  });
});

describe('shards', () => {
  let a: Replica;
  let b: Replica;

  beforeEach(() => {
    [a, b] = [new Replica(server, clock, 'a', 4), new Replica(server, clock, 'b', 4)];
  });

  function spread(): string {
    return [a, b].map(({ works }) => [0, 1, 2, 3].filter((shard) => works.has(shard)).join('')).join('|');
  }

  it('all belong to a replica that is alone', async () => {
    await a.start();

    expect(spread()).toBe('0123|');
    const shards = [...server.holders].filter(([name]) => name !== 'operator');
    expect(shards).toEqual([0, 1, 2, 3].map((shard) => [`operator-shard-${shard}-of-4`, 'a']));
  });

  it('are shared evenly with a second replica within a few rounds, one worker each at all times', async () => {
    await a.start();
    await b.start();

    const seen: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      await clock.advance(2_200);
      seen.push(spread());
    }

    expect(seen.at(-1)).toMatch(/^\d\d\|\d\d$/);
    expect(new Set(seen.slice(-3)).size).toBe(1);
  });

  it('of a replica that is stopped belong to the other within one round', async () => {
    await a.start();
    await b.start();
    await clock.advance(20_000);

    await a.stop();
    await clock.advance(2_400);

    expect(spread()).toBe('|0123');
    expect(a.ended).toBe('stopped');
  });

  it('of a replica that died belong to the other within 20 s, and not before its Leases have expired', async () => {
    await a.start();
    await b.start();
    await clock.advance(20_000);
    const before = spread();
    a.client.network = 'hanging';
    const died = clock.monotonic();

    while (b.works.size < 4) await clock.advance(100);

    expect(before).toMatch(/^\d\d\|\d\d$/);
    expect(a.works.size).toBe(0);
    expect(clock.monotonic() - died).toBeLessThan(20_000);
    expect(a.ended).toBeInstanceOf(LeaseLost);
  });

  it('go to a claimant only when the work on them has ended', async () => {
    await a.start();
    a.drainMs = 3_000;
    await b.start();

    for (let step = 0; step < 300; step += 1) {
      await clock.advance(100);
      for (const shard of a.works) expect(b.works).not.toContain(shard);
    }

    expect(b.works.size).toBe(2);
  });

  it('are kept while the work on them ends, however long that takes, and go to their claimant then', async () => {
    await a.start();
    a.drainMs = 30_000;
    await b.start();

    await clock.advance(29_000);
    const before = spread();
    await clock.advance(60_000);

    expect(before).toBe('0123|');
    expect(spread()).toMatch(/^\d\d\|\d\d$/);
    expect(a.ended).toBeUndefined();
  });

  it('are all given up at once when the Lease of one is lost', async () => {
    await a.start();
    server.store({ holderIdentity: 'somebody' }, 'operator-shard-2-of-4');

    await clock.advance(2_400);

    expect(a.works.size).toBe(0);
    expect(a.ended).toBeInstanceOf(LeaseLost);
    expect(server.holders.get('operator-shard-2-of-4')).toBe('somebody');
  });

  it('whose Lease was deleted are kept, with a new Lease', async () => {
    await a.start();
    server.leases.delete('operator-shard-1-of-4');

    await clock.advance(2_400);

    expect(spread()).toBe('0123|');
    expect(server.holders.get('operator-shard-1-of-4')).toBe('a');
  });

  it('are not kept from the others by the claim of a dead replica', async () => {
    await a.start();
    server.store({}, 'operator-shard-0-of-4', { 'cloudjob.dev/claimed-by': 'dead' });

    // It is handed over to nobody who lives, expires, and comes back.
    await clock.advance(40_000);

    expect(spread()).toBe('0123|');
  });

  it('fail with the error of their work, after all other work has ended', async () => {
    const ended: number[] = [];

    const run = a.holder.run(new AbortController().signal, async (shard, _, lost) => {
      if (shard === 0) throw new Error('the work failed');
      await aborted(lost);
      ended.push(shard);
    });

    await expect(run).rejects.toThrow('the work failed');
    expect(ended).toEqual([1, 2, 3]);
    expect([...new Set(server.holders.values())]).toEqual(['']);
  });
});

describe('replicas with different numbers of shards', () => {
  const replica = (name: string, count: number): Replica => new Replica(server, clock, name, count);
  const standsBy = 'standing by, because others work with another number of shards';
  const about = ({ logger }: Replica) => logger.lines.filter(({ message }) => message === standsBy);

  /** Passes time; fails when replicas of both numbers work. */
  async function pass(ms: number, old: readonly Replica[], young: readonly Replica[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await clock.advance(100);
      expect([old, young].filter((side) => side.some(({ isWorking }) => isWorking)).length).toBeLessThan(2);
    }
  }

  describe.each([
    [1, 2],
    [2, 1],
    [4, 2],
    [2, 5],
  ])('%i, and then %i', (before, after) => {
    it('do not work side by side: the newcomer stands by, and says so once, with the remedy', async () => {
      const old = replica('old', before);
      await old.start();
      const young = replica('young', after);
      await young.start();

      await pass(120_000, [old], [young]);

      expect([old.works.size, young.works.size]).toEqual([before, 0]);
      expect(about(young)).toEqual([
        {
          level: 'warn',
          message: standsBy,
          fields: {
            namespace: 'ops',
            lease: 'operator',
            shards: after,
            others: before,
            remedy: 'start all replicas with the same --shards; this one works when the others have stopped',
          },
        },
      ]);
      expect(about(old)).toEqual([]);
    });

    it('are a change that ends well when one after the other is replaced', async () => {
      const old = [replica('old-0', before), replica('old-1', before)] as const;
      for (const one of old) await one.start();
      await pass(20_000, old, []);
      const young: Replica[] = [];
      for (const [index, one] of old.entries()) {
        young.push(replica(`young-${index}`, after));
        await young.at(-1)?.start();
        await pass(5_000, old, young);
        await one.stop();
        await pass(5_000, old, young);
      }
      await pass(20_000, old, young);

      expect(young.reduce((sum, { works }) => sum + works.size, 0)).toBe(after);
    });

    it('do not wait for those that died longer than for any other', async () => {
      const old = replica('old', before);
      await old.start();
      const young = replica('young', after);
      await young.start();
      await pass(20_000, [old], [young]);
      old.client.network = 'hanging';

      await pass(20_000, [old], [young]);

      expect([old.works.size, young.works.size]).toEqual([0, after]);
    });
  });

  it('end with one number, whenever they start, stop, and cannot reach the API server', async () => {
    const event = fc.record({
      replica: fc.nat(2),
      what: fc.constantFrom<'restart' | Network>('restart', 'restart', 'good', 'failing', 'hanging', 'deaf'),
      seconds: fc.nat(20),
    });
    const counts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(counts, fc.array(event, { maxLength: 10 }), async (numbers, events) => {
        const leases = new LeaseServer();
        const time = new FakeClock();
        const replicas = numbers.map((count, index) => new Replica(leases, time, 'abc'.charAt(index), count));
        await Promise.all(replicas.map((one) => one.start()));
        for (const { replica: index, what, seconds } of events) {
          const one = replicas[index] as Replica;
          if (what === 'restart') {
            await one.stop();
            await time.advance(15_000);
            await one.start();
          } else one.client.network = what;
          await time.advance(seconds * 1000);
        }
        for (const one of replicas) {
          one.client.network = 'good';
          if (one.ended !== undefined) await one.start();
        }
        await time.advance(60_000);

        const working = replicas.flatMap(({ works }, index) => (works.size > 0 ? [index] : []));
        const [first] = working;
        expect(new Set(working.map((index) => numbers[index])).size).toBe(1);
        expect(working.reduce((sum, index) => sum + (replicas[index]?.works.size ?? 0), 0)).toBe(
          numbers[first ?? 0],
        );
        await Promise.all(replicas.map((one) => one.stop()));
        await time.advance(60_000);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe('replicas', () => {
  const networks = fc.constantFrom<Network>('good', 'good', 'failing', 'hanging', 'deaf');
  const event = fc.record({
    replica: fc.nat(2),
    what: fc.oneof(
      networks.map((network) => ({ kind: 'network' as const, network })),
      fc.constant({ kind: 'restart' as const }),
      fc.integer({ min: -100_000, max: 100_000 }).map((ms) => ({ kind: 'step' as const, ms })),
    ),
    seconds: fc.nat(20),
  });
  const counts = fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 5 }));

  it('never work for one Lease at a time, and share all of them when all is well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), counts, async (events, count) => {
        const leases = new LeaseServer();
        const time = new FakeClock();
        const replicas = ['a', 'b', 'c'].map((name) => new Replica(leases, time, name, count));
        const pass = async (ms: number): Promise<void> => {
          for (let passed = 0; passed < ms; passed += 500) {
            await time.advance(500);
            const all = replicas.flatMap(({ works }) => [...works]);
            expect(new Set(all).size).toBe(all.length);
          }
        };
        const restart = async (replica: Replica): Promise<void> => {
          await replica.stop();
          await pass(15_000);
          if (replica.ended === undefined) throw new Error('a replica does not stop');
          await replica.start();
        };
        for (const replica of replicas) await replica.start();

        for (const { replica: index, what, seconds } of events) {
          const replica = replicas[index];
          if (replica === undefined) continue;
          if (what.kind === 'step') time.step(what.ms);
          else if (what.kind === 'network') replica.client.network = what.network;
          else await restart(replica);
          await pass(seconds * 1000);
        }
        for (const replica of replicas) {
          replica.client.network = 'good';
          await restart(replica);
        }
        await pass(60_000);

        const loads = replicas.map(({ works }) => works.size);
        expect(loads.reduce((sum, load) => sum + load)).toBe(count);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(2);
        for (const replica of replicas) await replica.stop();
      }),
      { numRuns: 40 },
    );
  });
});
