import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeaderElection } from '../../../src/kube/leader.js';
import { LeaseLost } from '../../../src/kube/lease.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { LeaseClient, LeaseServer, type Network } from './leaseServer.js';
import { failure, half, MemoryLogger } from './support.js';

/** One replica: once started, it waits for the Lease and then works until it is stopped or the Lease is lost. */
class Replica {
  readonly client: LeaseClient;
  readonly logger = new MemoryLogger();
  readonly election: LeaderElection;
  /** Why leading ended, if it did. */
  ended: Promise<unknown> | undefined;
  #stop = new AbortController();
  #working: AbortSignal | undefined;

  constructor(server: LeaseServer, clock: FakeClock, identity: string) {
    this.client = new LeaseClient(server);
    this.election = new LeaderElection({
      client: this.client,
      clock,
      random: half,
      logger: this.logger,
      namespace: 'ops',
      name: 'operator',
      identity,
    });
  }

  /** Whether it does work that only a leader may do. */
  get works(): boolean {
    return this.#working?.aborted === false;
  }

  async start(): Promise<void> {
    this.#stop = new AbortController();
    const stop = this.#stop.signal;
    this.ended = this.election
      .lead(stop, async (lost) => {
        this.#working = lost;
        await new Promise<void>((resolve) => {
          for (const signal of [stop, lost]) {
            if (signal.aborted) resolve();
            signal.addEventListener('abort', () => resolve(), { once: true });
          }
        });
        this.#working = undefined;
      })
      .then(
        () => 'stopped',
        (error: unknown) => error,
      );
    await settle();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await settle();
  }
}

let server: LeaseServer;
let clock: FakeClock;

beforeEach(() => {
  server = new LeaseServer();
  clock = new FakeClock('2026-01-01T00:00:00.123Z');
});

async function leader(identity = 'a'): Promise<Replica> {
  const replica = new Replica(server, clock, identity);
  await replica.start();
  expect(replica.works).toBe(true);
  return replica;
}

describe('a free Lease', () => {
  it('is created by the first replica, in the form of the API', async () => {
    const replica = await leader();

    expect(replica.election.leading).toBe(true);
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
    const replicas = ['a', 'b', 'c'].map((identity) => new Replica(server, clock, identity));

    await Promise.all(replicas.map((replica) => replica.start()));

    expect(replicas.filter(({ works }) => works)).toHaveLength(1);
  });

  it('is waited for while the API server fails', async () => {
    const replica = new Replica(server, clock, 'a');
    replica.client.network = 'failing';
    await replica.start();
    await clock.advance(60_000);
    const before = replica.works;
    replica.client.network = 'good';
    await clock.advance(2_400);

    expect(before).toBe(false);
    expect(replica.works).toBe(true);
    expect(replica.logger.lines[0]).toMatchObject({ level: 'warn', message: 'lease not reachable' });
  });

  it('is not waited for by a replica that is stopped', async () => {
    await leader('a');
    const waiting = new Replica(server, clock, 'b');
    await waiting.start();

    await waiting.stop();

    expect(await waiting.ended).toBe('stopped');
    expect(waiting.logger.lines).toEqual([]);
    expect(server.spec['holderIdentity']).toBe('a');
  });

  it('is not asked for by a replica that was stopped before', async () => {
    const replica = new Replica(server, clock, 'a');
    const stopped = AbortSignal.abort();

    await replica.election.lead(stopped, () => Promise.reject(new Error('must not work')));

    expect(server.lease).toBeUndefined();
  });
});

describe('a Lease that is held', () => {
  it('is renewed every two seconds, without another transition', async () => {
    await leader();

    await clock.advance(60_000);

    expect(server.spec).toMatchObject({ renewTime: '2026-01-01T00:01:00.123000Z', leaseTransitions: 0 });
    expect(server.spec['acquireTime']).toBe('2026-01-01T00:00:00.123000Z');
  });

  it('survives short failures of the API server', async () => {
    const replica = await leader();

    for (let outage = 0; outage < 5; outage += 1) {
      replica.client.network = 'failing';
      await clock.advance(7_000);
      replica.client.network = 'good';
      await clock.advance(3_000);
    }

    expect(replica.works).toBe(true);
  });

  it.each<Network>(['failing', 'hanging', 'deaf'])(
    'is lost, and the work aborted, after ten seconds of an API server that is %s',
    async (network) => {
      const replica = await leader();
      replica.client.network = network;

      await clock.advance(9_999);
      const almost = replica.works;
      await clock.advance(1);

      expect(almost).toBe(true);
      expect(replica.works).toBe(false);
      expect(await replica.ended).toBeInstanceOf(LeaseLost);
      expect(replica.election.leading).toBe(false);
    },
  );

  it('is lost when somebody else has taken it', async () => {
    const replica = await leader();
    server.store({ holderIdentity: 'thief' });

    await clock.advance(2_000);

    expect(await replica.ended).toMatchObject({
      name: 'LeaseLost',
      message: 'lease ops/operator was lost; another replica may be leading now',
    });
    expect(server.spec['holderIdentity']).toBe('thief');
  });

  it('is not believed in any more by a process that was paused, before any timer runs', async () => {
    const replica = await leader();
    await clock.advance(2_000);
    clock.pause(9_999);
    const almost = replica.election.leading;
    clock.pause(1);

    expect([almost, replica.election.leading]).toEqual([true, false]);
    expect(replica.works).toBe(true);
  });

  it('leaves no timer behind', async () => {
    const replica = await leader();
    await replica.stop();
    await replica.ended;

    expect(clock.pending).toBe(0);
  });

  it('passes on the failure of the work', async () => {
    const { election } = new Replica(server, clock, 'a');
    const broken = new Error('broken');

    const error = await failure(election.lead(new AbortController().signal, () => Promise.reject(broken)));

    expect(error).toBe(broken);
    expect(election.leading).toBe(false);
    expect(clock.pending).toBe(0);
  });
});

describe('a Lease that is given back', () => {
  it('goes to a waiting replica within one retry', async () => {
    const first = await leader('a');
    const second = new Replica(server, clock, 'b');
    await second.start();

    await first.stop();
    await clock.advance(2_400);

    expect(await first.ended).toBe('stopped');
    expect(second.works).toBe(true);
    expect(server.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1, leaseDurationSeconds: 15 });
  });

  it('has no holder', async () => {
    const replica = await leader();

    await replica.stop();
    await replica.ended;

    expect(server.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  });

  it('is left as it is when the API server does not answer, and the replica ends all the same', async () => {
    const replica = await leader();
    replica.client.network = 'hanging';
    await replica.stop();
    await clock.advance(2_000);

    expect(await replica.ended).toBe('stopped');
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
    const replica = new Replica(server, clock, 'a');
    await replica.start();

    await clock.advance(30_000);
    const before = replica.works;
    // Not a whole retry later: it is known when it expires.
    await clock.advance(201);

    expect(before).toBe(false);
    expect(replica.works).toBe(true);
    expect(server.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
  });

  it('is not taken while it is renewed', async () => {
    const holder = await leader('a');
    const replica = new Replica(server, clock, 'b');
    await replica.start();

    await clock.advance(300_000);

    expect([holder.works, replica.works]).toEqual([true, false]);
  });

  it('is taken over from a leader that lost the network, only after that has stopped', async () => {
    const holder = await leader('a');
    const replica = new Replica(server, clock, 'b');
    await replica.start();
    await clock.advance(20_000);
    holder.client.network = 'hanging';

    const seen: string[] = [];
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1_000);
      seen.push([holder.works && 'a', replica.works && 'b'].filter(Boolean).join('+'));
    }

    expect([...new Set(seen)]).toEqual(['a', '', 'b']);
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

  it('never work two at a time, and one works again when all is well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 15 }), async (events) => {
        const lease = new LeaseServer();
        const time = new FakeClock();
        const replicas = ['a', 'b', 'c'].map((identity) => new Replica(lease, time, identity));
        const pass = async (ms: number): Promise<void> => {
          for (let passed = 0; passed < ms; passed += 500) {
            await time.advance(500);
            expect(replicas.filter(({ works }) => works).length).toBeLessThan(2);
          }
        };
        for (const replica of replicas) await replica.start();

        for (const { replica: index, what, seconds } of events) {
          const replica = replicas[index];
          if (what.kind === 'step') time.step(what.ms);
          else if (what.kind === 'network' && replica !== undefined) replica.client.network = what.network;
          else if (replica !== undefined) {
            await replica.stop();
            await time.advance(10_000);
            await replica.ended;
            await replica.start();
          }
          await pass(seconds * 1000);
        }
        for (const replica of replicas) {
          replica.client.network = 'good';
          await replica.stop();
        }
        await pass(30_000);
        for (const replica of replicas) {
          await replica.ended;
          await replica.start();
        }
        await pass(30_000);

        expect(replicas.filter(({ works }) => works)).toHaveLength(1);
        for (const replica of replicas) await replica.stop();
      }),
      { numRuns: 40 },
    );
  });
});
