import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeaseLost } from '../../../src/kube/lease.js';
import { Shards } from '../../../src/kube/shards.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { LeaseClient, LeaseServer, type Network } from './leaseServer.js';
import { half, MemoryLogger } from './support.js';

/** One replica: once started, it works on its shards until it is stopped, dies or loses a Lease. */
class Replica {
  readonly client: LeaseClient;
  readonly logger = new MemoryLogger();
  /** The shards that work is done for. */
  readonly works = new Set<number>();
  /** How the last run ended: `stopped`, or what was thrown. */
  ended: unknown;
  /** How long the work on a shard goes on after it was told to stop, in milliseconds. */
  drainMs = 0;
  #stop = new AbortController();
  #starts = 0;

  constructor(
    server: LeaseServer,
    private readonly clock: FakeClock,
    private readonly name: string,
    private readonly count: number,
  ) {
    this.client = new LeaseClient(server);
  }

  async start(): Promise<void> {
    this.#stop = new AbortController();
    this.ended = undefined;
    const shards = new Shards({
      client: this.client,
      clock: this.clock,
      random: half,
      logger: this.logger,
      namespace: 'ops',
      name: 'operator',
      identity: `${this.name}${(this.#starts += 1)}`,
      count: this.count,
    });
    void shards
      .run(this.#stop.signal, async (shard, stop, lost) => {
        this.works.add(shard);
        await Promise.race([aborted(stop), aborted(lost)]);
        if (!lost.aborted && this.drainMs > 0) {
          await Promise.race([aborted(lost), new Promise<void>((r) => this.clock.schedule(this.drainMs, r))]);
        }
        this.works.delete(shard);
      })
      .then(
        () => (this.ended = 'stopped'),
        (error: unknown) => (this.ended = error),
      );
    await settle();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await settle();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

let server: LeaseServer;
let clock: FakeClock;
let a: Replica;
let b: Replica;

beforeEach(() => {
  server = new LeaseServer();
  clock = new FakeClock();
  [a, b] = [new Replica(server, clock, 'a', 4), new Replica(server, clock, 'b', 4)];
});

function spread(): string {
  return [a, b].map(({ works }) => [0, 1, 2, 3].filter((shard) => works.has(shard)).join('')).join('|');
}

describe('shards', () => {
  it('all belong to a replica that is alone', async () => {
    await a.start();

    expect(spread()).toBe('0123|');
    expect([...server.holders]).toEqual([0, 1, 2, 3].map((shard) => [`operator-shard-${shard}-of-4`, 'a1']));
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
    expect(server.holders.get('operator-shard-1-of-4')).toBe('a1');
  });

  it('are not kept from the others by the claim of a dead replica', async () => {
    await a.start();
    server.store({}, 'operator-shard-0-of-4', { 'cloudjob.dev/claimed-by': 'dead' });

    // It is handed over to nobody who lives, expires, and comes back.
    await clock.advance(40_000);

    expect(spread()).toBe('0123|');
  });

  it('fail with the error of their work, after all other work has ended', async () => {
    const shards = new Shards({
      client: new LeaseClient(server),
      clock,
      random: half,
      logger: new MemoryLogger(),
      namespace: 'ops',
      name: 'operator',
      identity: 'c',
      count: 2,
    });
    const ended: number[] = [];

    const run = shards.run(new AbortController().signal, async (shard, _, lost) => {
      if (shard === 0) throw new Error('the work failed');
      await aborted(lost);
      ended.push(shard);
    });

    await expect(run).rejects.toThrow('the work failed');
    expect(ended).toEqual([1]);
  });
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

  it('never work on one shard at a time, and share all of them when all is well', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 10 }),
        fc.integer({ min: 1, max: 5 }),
        async (events, count) => {
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
        },
      ),
      { numRuns: 25 },
    );
  });
});
