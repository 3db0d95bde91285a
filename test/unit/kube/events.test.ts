import { describe, expect, it } from '@jest/globals';
import { KubeError, localError } from '../../../src/kube/errors.js';
import type { EventDetails, Regarding } from '../../../src/kube/eventObject.js';
import { EventRecorder, type EventLimits, type EventOutcome } from '../../../src/kube/events.js';
import type { KubeObject, ObjectRef, ResourceType } from '../../../src/kube/object.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { half, MemoryLogger } from './support.js';
import { onAbort } from '../../../src/signals.js';

const SHIP: Regarding = {
  apiVersion: 'example.dev/v1',
  kind: 'Ship',
  namespace: 'ns',
  name: 'titan',
  uid: 'uid-1',
  resourceVersion: '7',
};

function sailed(key: string, rest: Partial<EventDetails> = {}): EventDetails {
  return { type: 'Normal', reason: 'Sailed', action: 'Sail', note: `It sailed: ${key}.`, key, ...rest };
}

type Trouble = Error | 'hangs' | 'loses the answer';
const TOO_MANY = new KubeError(429, 'TooManyRequests', 'too many');
const DOWN = localError('ConnectionFailed', 'the connection to the API server failed');

/** Stores events as an API server does. */
class FakeApi {
  readonly stored = new Map<string, Record<string, unknown>>();
  requests = 0;
  troubles: Trouble[] = [];
  /** While set, every request meets it. */
  outage: Error | undefined;

  async create(_: ResourceType, namespace: string | undefined, body: unknown, signal: AbortSignal) {
    const event = body as KubeObject;
    return this.#answer(signal, () => {
      const key = `${namespace}/${event.metadata.name}`;
      if (this.stored.has(key)) throw new KubeError(409, 'AlreadyExists', 'exists');
      this.stored.set(key, { ...event });
    });
  }

  async mergePatch(_: ResourceType, ref: ObjectRef, patch: object, signal: AbortSignal) {
    return this.#answer(signal, () => {
      const event = this.stored.get(`${ref.namespace}/${ref.name}`);
      if (event === undefined) throw new KubeError(404, 'NotFound', 'gone');
      Object.assign(event, patch);
    });
  }

  /** As `kubectl get events` would count them. */
  get listed(): string[] {
    return [...this.stored.values()].map(
      ({ note, series }) => `${note as string} x${(series as { count: number } | undefined)?.count ?? 1}`,
    );
  }

  async #answer(signal: AbortSignal, act: () => void): Promise<KubeObject> {
    this.requests += 1;
    const trouble = this.outage ?? this.troubles.shift();
    if (trouble instanceof Error) throw trouble;
    if (trouble === 'hangs') {
      return new Promise((_, reject) => {
        onAbort(signal, () => reject(localError('Canceled', 'canceled')));
      });
    }
    act();
    if (trouble === 'loses the answer') throw DOWN;
    return { metadata: { name: 'x', uid: 'x', resourceVersion: '1' } };
  }
}

class World {
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  readonly outcomes: EventOutcome[] = [];
  readonly #end = new AbortController();
  readonly recorder: EventRecorder;
  busy = false;
  readonly #running: Promise<void>;

  constructor(
    readonly api = new FakeApi(),
    limits: Partial<EventLimits> = {},
  ) {
    this.recorder = new EventRecorder({
      client: api,
      clock: this.clock,
      random: half,
      logger: this.logger,
      reporter: { controller: 'ship-operator', instance: 'pod-1' },
      limits,
      isBusy: () => this.busy,
      onOutcome: (outcome) => this.outcomes.push(outcome),
    });
    this.#running = this.recorder.run(this.#end.signal);
  }

  /** As whoever makes the change does it. */
  async change(...events: EventDetails[]): Promise<void> {
    await this.recorder.record(SHIP, events);
    this.recorder.commit(SHIP, events);
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }
}

describe('an event', () => {
  it('is stored by the time that `record` resolves, with all that kubectl shows', async () => {
    const world = new World();

    await world.recorder.record(SHIP, [sailed('a')]);

    expect([...world.api.stored]).toEqual([
      [
        expect.stringMatching(/^ns\/titan\.[0-9a-f]{16}$/),
        {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: expect.any(String), namespace: 'ns' },
          regarding: SHIP,
          type: 'Normal',
          reason: 'Sailed',
          action: 'Sail',
          note: 'It sailed: a.',
          eventTime: '2026-01-01T00:00:00.000000Z',
          reportingController: 'ship-operator',
          reportingInstance: 'pod-1',
        },
      ],
    ]);
    expect(world.outcomes).toEqual(['sent']);
    await world.end();
  });

  it('keeps to the limits of the API for names and notes, and cuts no character in half', async () => {
    const world = new World();
    const name = `${'a'.repeat(235)}-${'b'.repeat(17)}`;

    await world.recorder.record({ ...SHIP, name }, [sailed('a', { note: '€'.repeat(400) })]);

    const [[key, event] = []] = world.api.stored;
    expect(key).toMatch(/^ns\/a{235}\.[0-9a-f]{16}$/);
    expect(event?.['note']).toBe(`${'€'.repeat(340)}…`);
    await world.end();
  });

  it('is another one for another key and for another object of the same name', async () => {
    const world = new World();

    await world.change(sailed('a'), sailed('b'));
    await world.recorder.record({ ...SHIP, uid: 'uid-2' }, [sailed('a')]);

    expect(world.api.stored.size).toBe(3);
    await world.end();
  });
});

describe('what happens once', () => {
  it('is one event when the change loses its race and is made again', async () => {
    const world = new World();

    await world.recorder.record(SHIP, [sailed('a')]);
    await world.change(sailed('a', { note: 'With later news.' }));
    await world.clock.advance(60_000);

    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    await world.end();
  });

  it('is one event when the process dies after recording it and its successor starts again', async () => {
    const api = new FakeApi();
    const first = new World(api);
    await first.recorder.record(SHIP, [sailed('a')]);
    await first.end();

    const second = new World(api);
    await second.change(sailed('a'));
    await second.clock.advance(60_000);

    expect(api.listed).toEqual(['It sailed: a. x1']);
    await second.end();
  });

  it('is one event when the answer to its request is lost', async () => {
    const world = new World();
    world.api.troubles = ['loses the answer'];

    await world.change(sailed('a'));
    await world.clock.advance(60_000);

    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    expect(world.recorder.pending).toBe(0);
    await world.end();
  });

  it('is not counted again by a stale pass, whose change is refused', async () => {
    const world = new World();

    await world.change(sailed('a'));
    await world.recorder.record(SHIP, [sailed('a')]);
    await world.clock.advance(60_000);

    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    expect(world.api.requests).toBe(1);
    await world.end();
  });
});

describe('what happens again', () => {
  it('becomes a series, sent with one request for all repeats of a second', async () => {
    const world = new World();

    for (let time = 0; time < 4; time += 1) await world.change(sailed('a'));
    await world.clock.advance(1_000);

    expect(world.api.listed).toEqual(['It sailed: a. x4']);
    expect(world.api.requests).toBe(2);
    await world.end();
  });

  it('is a new event when the API server has forgotten the old one', async () => {
    const world = new World();
    await world.change(sailed('a'));
    world.api.stored.clear();

    await world.clock.advance(3_600_000);
    await world.change(sailed('a'));
    await world.clock.advance(10_000);

    expect([...world.api.stored.values()]).toMatchObject([{ eventTime: '2026-01-01T01:00:00.000000Z' }]);
    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    await world.end();
  });
});

describe('an API server that fails', () => {
  it('gets every event once it is back, and nobody waits for it meanwhile', async () => {
    const world = new World();
    world.api.outage = DOWN;

    await world.change(sailed('a'), sailed('b'));
    await world.clock.advance(600_000);
    const during = world.api.requests;
    world.api.outage = undefined;
    await world.clock.advance(30_000);

    expect(during).toBeLessThan(70);
    expect(world.api.listed.toSorted()).toEqual(['It sailed: a. x1', 'It sailed: b. x1']);
    await world.end();
  });

  it.each([
    ['too busy', TOO_MANY],
    ['a conflict', new KubeError(409, 'Conflict', 'conflict')],
    ['rejected credentials', new KubeError(401, 'Unauthorized', 'no')],
    ['an error of its own', new KubeError(500, 'InternalError', 'oh')],
  ])('is asked again after %s', async (_, trouble) => {
    const world = new World();
    world.api.troubles = [trouble];

    await world.change(sailed('a'));
    await world.clock.advance(1_000);

    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    await world.end();
  });

  it('gets no second request when it refuses an object', async () => {
    const world = new World();
    world.api.outage = new KubeError(422, 'Invalid', 'no such type');

    await world.change(sailed('a'));
    await world.clock.advance(600_000);

    expect(world.api.requests).toBe(1);
    expect(world.outcomes).toEqual(['refused']);
    await world.end();
  });

  it.each([
    [403, 'Forbidden'],
    [404, 'HTTP404'],
  ])('is asked again when it answers %i, as it may have just started', async (status, reason) => {
    const world = new World();
    world.api.outage = new KubeError(status, reason, 'not yet loaded');

    await world.change(sailed('a'));
    await world.clock.advance(1_000);
    world.api.outage = undefined;
    await world.clock.advance(30_000);

    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    expect(world.outcomes).toEqual(['sent']);
    await world.end();
  });

  it('gets a limited number of requests when it refuses; further refusals are only counted', async () => {
    const world = new World();
    world.api.outage = new KubeError(403, 'Forbidden', 'no permission to create events');

    await world.change(sailed('a'), sailed('b'));
    await world.clock.advance(600_000);

    expect(world.api.requests).toBe(10);
    expect(world.outcomes).toEqual(['refused', 'refused']);
    expect(world.logger.lines.map(({ level }) => level)).toEqual(['warn', 'debug']);
    await world.end();
  });

  it('has ten seconds to answer', async () => {
    const world = new World();
    world.api.troubles = ['hangs'];
    const recorded = world.recorder.record(SHIP, [sailed('a')]);

    await world.clock.advance(10_500);
    await recorded;

    expect(world.api.listed).toEqual(['It sailed: a. x1']);
    await world.end();
  });

  it('costs the oldest events when they pile up', async () => {
    const world = new World(new FakeApi(), { entries: 2 });
    world.api.outage = DOWN;

    await world.change(sailed('a'), sailed('b'), sailed('c'));
    await settle();
    world.api.outage = undefined;
    await world.clock.advance(30_000);

    expect(world.api.listed.toSorted()).toEqual(['It sailed: b. x1', 'It sailed: c. x1']);
    expect(world.outcomes.filter((outcome) => outcome === 'overflow')).toHaveLength(1);
    await world.end();
  });
});

describe('rates', () => {
  it('of one object: what is above is dropped, and others are not affected', async () => {
    const world = new World(new FakeApi(), { perObject: { perSecond: 0.1, burst: 2 } });

    await world.change(sailed('a'), sailed('b'), sailed('c'));
    await world.recorder.record({ ...SHIP, uid: 'uid-2' }, [sailed('a')]);
    await world.clock.advance(10_000);
    await world.change(sailed('d'));

    expect(world.outcomes.filter((outcome) => outcome === 'limited')).toHaveLength(1);
    expect(world.api.stored.size).toBe(4);
    await world.end();
  });

  it('over all: what is above waits, and is not waited for', async () => {
    const world = new World(new FakeApi(), { overall: { perSecond: 1, burst: 2 } });

    await world.change(sailed('a'), sailed('b'), sailed('c'), sailed('d'));
    const atOnce = world.api.stored.size;
    await world.clock.advance(1_000);
    const afterOne = world.api.stored.size;
    await world.clock.advance(1_000);

    expect([atOnce, afterOne, world.api.stored.size]).toEqual([2, 3, 4]);
    await world.end();
  });

  it('over all, while other work waits: fewer, and as many as ever when it is done', async () => {
    const world = new World(new FakeApi(), {
      overall: { perSecond: 10, burst: 10 },
      whileBusy: { perSecond: 1, burst: 2 },
    });
    world.busy = true;

    await world.change(...Array.from({ length: 9 }, (_, index) => sailed(`busy-${index}`)));
    const atOnce = world.api.stored.size;
    await world.clock.advance(1_000);
    const afterOne = world.api.stored.size;
    world.busy = false;
    await world.clock.advance(1_000);

    expect([atOnce, afterOne, world.api.stored.size]).toEqual([2, 3, 9]);
    await world.end();
  });

  it('over all: what others that wait will use up is not waited for, either', async () => {
    const world = new World(new FakeApi(), { overall: { perSecond: 1, burst: 10 } });
    world.api.troubles = Array.from({ length: 8 }, () => 'hangs');
    const busy = Array.from({ length: 10 }, (_, index) => sailed(`busy-${index}`));
    void world.recorder.record(SHIP, busy);
    await settle();

    await world.change(sailed('late'));

    expect(world.api.stored.size).toBe(0);
    await world.end();
  });
});

describe('the end', () => {
  it('is held up by each of several shards no longer than there is something left', async () => {
    const world = new World();
    await world.change(sailed('a'));
    await world.change(sailed('a'));
    const ended: string[] = [];

    for (const shard of ['first', 'second']) {
      void world.recorder.drain(1_000).then(() => ended.push(shard));
    }
    await settle();

    expect(ended).toEqual(['first', 'second']);
    await world.end();
    expect(world.clock.pending).toBe(0);
  });

  it('is held up until what is left is sent, the repeats too', async () => {
    const world = new World();
    await world.change(sailed('a'));
    await world.change(sailed('a'));

    const drained = world.recorder.drain(1_000);
    await settle();
    await drained;

    expect(world.api.listed).toEqual(['It sailed: a. x2']);
    expect(world.clock.monotonic()).toBe(0);
    await world.end();
  });

  it('does not wait longer than it may', async () => {
    const world = new World();
    world.api.outage = DOWN;
    await world.change(sailed('a'));

    const drained = world.recorder.drain(1_000);
    await world.clock.advance(1_000);
    await drained;

    expect(world.logger.lines).toMatchObject([{ message: 'events left pending', fields: { events: 1 } }]);
    await world.end();
  });

  it('comes at once when it must: nothing more is sent, and whoever waits goes on', async () => {
    const world = new World();
    world.api.troubles = ['hangs'];
    const recorded = world.recorder.record(SHIP, [sailed('a')]);
    await settle();

    await world.end();
    await recorded;
    await world.recorder.record(SHIP, [sailed('b')]);
    await world.clock.advance(60_000);

    expect(world.api.requests).toBe(1);
    expect(world.clock.pending).toBe(0);
  });
});
