import { getEventListeners } from 'node:events';
import { afterEach, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { KubeClient } from '../../../src/kube/client.js';
import { Controller } from '../../../src/kube/controller.js';
import { KubeError } from '../../../src/kube/errors.js';
import { EventRecorder } from '../../../src/kube/events.js';
import { Informer } from '../../../src/kube/informer.js';
import { LeaseHolder } from '../../../src/kube/lease.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { WorkQueue } from '../../../src/kube/queue.js';
import { EVENTS, SECRETS } from '../../../src/kube/resources.js';
import { HttpTransport } from '../../../src/kube/transport.js';
import type { WatchEvent } from '../../../src/kube/watch.js';
import { sleep } from '../../../src/signals.js';
import { FakeClock } from '../../support/fakeClock.js';
import { growthPerTurn } from '../../support/heap.js';
import { LeaseClient, LeaseServer } from './leaseServer.js';
import { json, ScriptedServer, statusBody } from './scriptedServer.js';
import { half, object, plainAccess } from './support.js';

/** The heap is steady to about 150 bytes over all turns; a signal made of others that stays is 3,000. */
const TURNS = 1_000;
const STEADY_BYTES = 300;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

/** Nothing that a turn does may stay, on the signals or in memory, for as long as the signals live. */
async function expectNothingLeft(
  signals: readonly AbortSignal[],
  turn: () => Promise<unknown>,
  turns = TURNS,
): Promise<void> {
  const listeners = (): number[] => signals.map((signal) => getEventListeners(signal, 'abort').length);
  const work = async (): Promise<void> => {
    await turn();
  };
  // As often as it is measured afterwards: what Node compiles and remembers on the way is a quarter of a megabyte.
  for (let warm = 0; warm < turns; warm += 1) await work();
  const before = listeners();

  const bytes = await growthPerTurn(turns, work);

  expect(listeners()).toEqual(before);
  expect(bytes).toBeLessThan(STEADY_BYTES);
}

it('a queue leaves nothing on the signal of its workers', async () => {
  const { signal } = new AbortController();
  const queue = new WorkQueue({ clock: new FakeClock(), random: half });

  await expectNothingLeft([signal], async () => {
    const waiting = queue.get(signal);
    queue.add('a', 'low');
    await waiting;
    queue.done('a');
  });

  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('a controller leaves nothing on its signals, whether reconciles succeed, fail or are late', async () => {
  const [stop, abort] = [new AbortController(), new AbortController()];
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: half });
  let passes = 0;
  const controller = new Controller({
    queue,
    workers: 4,
    clock,
    logger,
    reconcile: async (_, { signal }) => {
      passes += 1;
      if (passes % 3 === 0) throw new KubeError(500, 'InternalError', 'oh');
      if (passes % 3 === 1) return { kind: 'done' };
      await sleep(clock, 3_600_000, signal);
      throw new Error('late');
    },
  });
  const running = controller.run(stop.signal, abort.signal);

  await expectNothingLeft([stop.signal, abort.signal], async () => {
    queue.add(`key ${passes % 10}`, 'high');
    await clock.advance(200_000);
  });
  stop.abort();
  await running;

  expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  expect(clock.pending).toBe(0);
});

it('a reflector leaves nothing on its signal, whether watches end, expire, fail or fall silent', async () => {
  const stop = new AbortController();
  const clock = new FakeClock();
  let watches = 0;
  async function* watch(signal: AbortSignal): AsyncGenerator<WatchEvent> {
    watches += 1;
    yield { kind: 'present', object: object('a', String(watches)) };
    if (watches % 4 === 0) await sleep(clock, 3_600_000, signal);
    await sleep(clock, 10_000, signal);
    if (signal.aborted) throw signal.reason;
    if (watches % 4 === 1) throw new KubeError(500, 'InternalError', 'oh');
    if (watches % 4 === 2) throw new KubeError(410, 'Expired', 'too old');
  }
  const informer = new Informer<KubeObject>({
    client: {
      get: () => Promise.resolve(object('a', '0')),
      list: () => Promise.resolve({ items: [object('a', '0')], resourceVersion: '0', limit: 100 }),
      watch: (_, __, signal) => Promise.resolve(watch(signal)),
    },
    type: SECRETS,
    namespaces: [],
    trim: (thing) => thing,
    handler: { added: ignore, modified: ignore, deleted: ignore },
    clock,
    random: half,
    logger,
  });
  const running = informer.run(stop.signal);

  await expectNothingLeft([stop.signal], async () => {
    await clock.advance(100_000);
    await informer.untilReady(stop.signal);
    await informer.refresh({ namespace: 'ns', name: 'a' }, String(watches), stop.signal);
  });
  stop.abort();
  await running;

  expect(watches).toBeGreaterThan(TURNS);
  expect(clock.pending).toBe(0);
});

it('events leave nothing on their signal, whether they are stored, held back or refused', async () => {
  const end = new AbortController();
  const clock = new FakeClock();
  let requests = 0;
  const store = async (): Promise<KubeObject> => {
    requests += 1;
    if (requests % 3 === 0) throw new KubeError(422, 'Invalid', 'no');
    if (requests % 3 === 1) throw new KubeError(503, 'ServiceUnavailable', 'later');
    return object('event', '1');
  };
  const recorder = new EventRecorder({
    client: { create: store, mergePatch: store },
    clock,
    random: half,
    logger,
    reporter: { controller: 'ship-operator', instance: 'pod-1' },
    limits: { entries: 5, overall: { perSecond: 1, burst: 1 } },
  });
  const running = recorder.run(end.signal);
  const ship = { apiVersion: 'example.dev/v1', kind: 'Ship', namespace: 'ns', name: 'titan', uid: 'u' };
  let key = 0;

  await expectNothingLeft([end.signal], async () => {
    key += 1;
    const events = ['first', 'second'].map((reason) => ({
      type: 'Normal' as const,
      reason,
      action: 'Sail',
      note: 'It sailed.',
      key: `${reason}-${key}`,
    }));
    const recorded = recorder.record(ship, events);
    const drained = recorder.drain(1_000);
    await clock.advance(20_000);
    await Promise.all([recorded, drained]);
    recorder.commit(ship, events);
  });
  end.abort();
  await running;

  expect(requests).toBeGreaterThan(TURNS);
  expect(clock.pending).toBe(0);
});

it('a client leaves nothing on the signal of its caller, also when it waits after a 429', async () => {
  const { signal } = new AbortController();
  let requests = 0;
  const server = await ScriptedServer.start((_, response) => {
    requests += 1;
    if (requests % 2 === 1) {
      response.setHeader('Retry-After', '0.001');
      json(response, 429, statusBody(429, 'TooManyRequests', 'later'));
    } else {
      json(response, 200, object('a', '1'));
    }
    // What the server keeps of requests is not the client's.
    server.requests.length = 0;
  });
  const clock = systemClock;
  const transport = new HttpTransport({ access: plainAccess(server.url), clock, userAgent: 'test' });
  cleanups.push(
    () => transport.close(),
    () => server.stop(),
  );
  const client = new KubeClient({ transport, clock, random: half });

  await expectNothingLeft([signal], () => client.get(EVENTS, { namespace: 'ns', name: 'a' }, signal));

  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('a holder of Leases leaves nothing on its signal, while it renews and while it waits', async () => {
  const stop = new AbortController();
  const clock = new FakeClock();
  const server = new LeaseServer();
  const run = (identity: string): Promise<void> =>
    new LeaseHolder({
      client: new LeaseClient(server),
      clock,
      random: half,
      logger,
      namespace: 'ops',
      name: 'operator',
      identity,
      count: 2,
    }).run(stop.signal, (_, ...signals) => untilEither(signals));
  const running = ['a', 'b', 'c'].map(run);

  await expectNothingLeft([stop.signal], async () => {
    await clock.advance(10_000);
    server.writes.length = 0;
  });
  stop.abort();
  await clock.advance(10_000);
  await Promise.all(running);

  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  expect(clock.pending).toBe(0);
});

async function untilEither(signals: readonly AbortSignal[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
