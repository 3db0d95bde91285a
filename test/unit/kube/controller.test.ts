import { describe, expect, it } from '@jest/globals';
import { Controller } from '../../../src/kube/controller.js';
import { KubeError } from '../../../src/kube/errors.js';
import type { Outcome, Reconcile, ReconcileContext, Result } from '../../../src/kube/controller.js';
import { WorkQueue } from '../../../src/kube/queue.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { MemoryLogger, object } from './support.js';

const timings = { reconcileMs: 60_000, graceMs: 5000, stopMs: 10_000 };
const done: Result = { kind: 'done' };

interface Rig {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  readonly controller: Controller;
  readonly logger: MemoryLogger;
  readonly outcomes: Outcome[];
  readonly stop: AbortController;
  readonly abort: AbortController;
  readonly ended: () => boolean;
}

function start(reconcile: Reconcile, workers = 2): Rig {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 1, backoff: { baseMs: 100, maxMs: 10_000 } });
  const logger = new MemoryLogger();
  const outcomes: Outcome[] = [];
  const observer = { reconciled: (_: unknown, outcome: Outcome) => void outcomes.push(outcome) };
  const controller = new Controller({ queue, reconcile, workers, clock, logger, timings, observer });
  const stop = new AbortController();
  const abort = new AbortController();
  let ended = false;
  void controller.run(stop.signal, abort.signal).then(() => (ended = true));
  return { clock, queue, controller, logger, outcomes, stop, abort, ended: () => ended };
}

/** A reconcile that records its calls and ends when a test says. */
function manual(): { readonly reconcile: Reconcile; readonly calls: Call[] } {
  const calls: Call[] = [];
  const reconcile: Reconcile = (key, context) =>
    new Promise((resolve, reject) => {
      calls.push({ key, context, resolve, reject });
    });
  return { reconcile, calls };
}

interface Call {
  readonly key: string;
  readonly context: ReconcileContext;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

describe('the controller', () => {
  it('reconciles what was there at start with low priority, and at changes with high priority', async () => {
    const { reconcile, calls } = manual();
    const { controller } = start(reconcile, 4);

    controller.added(object('old', '1'), true);
    controller.added(object('new', '2'), false);
    controller.modified(object('changed', '3'));
    controller.deleted(object('gone', '4'));
    await settle();

    expect(calls.map(({ key, context }) => [key, context.priority])).toEqual([
      ['ns/old', 'low'],
      ['ns/new', 'high'],
      ['ns/changed', 'high'],
      ['ns/gone', 'high'],
    ]);
  });

  it('reconciles as many keys at a time as there are workers', async () => {
    const { reconcile, calls } = manual();
    const { queue } = start(reconcile, 2);

    for (const key of ['a', 'b', 'c']) queue.add(key, 'high');
    await settle();
    const atFirst = calls.length;
    calls[0]?.resolve(done);
    await settle();

    expect([atFirst, calls.length]).toEqual([2, 3]);
  });

  it('reconciles again after the requested time, with low priority', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue } = start(reconcile);
    queue.add('a', 'high');
    await settle();

    calls[0]?.resolve({ kind: 'requeue', afterMs: 30_000 });
    await clock.advance(29_999);
    const early = calls.length;
    await clock.advance(1);

    expect(early).toBe(1);
    expect(calls[1]).toMatchObject({ key: 'a', context: { priority: 'low' } });
  });

  it('lets a later plan replace an earlier one', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue } = start(reconcile);
    queue.add('a', 'high');
    await settle();
    calls[0]?.resolve({ kind: 'requeue', afterMs: 5000 });
    await clock.advance(1000);

    queue.add('a', 'high');
    await settle();
    calls[1]?.resolve({ kind: 'requeue', afterMs: 60_000 });
    await clock.advance(59_999);

    expect(calls.length).toBe(2);
  });

  it('forgets the plans for an object that is deleted', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, controller } = start(reconcile);
    queue.add('ns/a', 'high');
    await settle();
    calls[0]?.resolve({ kind: 'requeue', afterMs: 5000 });
    await settle();

    controller.deleted(object('a', '2'));
    await settle();
    calls[1]?.resolve(done);
    await clock.advance(100_000);

    expect(calls.length).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('retries a failed reconcile with growing waits, and forgets them after a success', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, outcomes, logger } = start(reconcile);
    queue.add('a', 'high');
    await settle();

    calls[0]?.reject(new KubeError(500, 'InternalError', 'first'));
    await clock.advance(100);
    calls[1]?.reject(new Error('second'));
    await clock.advance(199);
    const beforeThird = calls.length;
    await clock.advance(1);
    calls[2]?.resolve(done);
    await settle();

    expect(beforeThird).toBe(2);
    expect(outcomes).toEqual(['error', 'panic', 'done']);
    expect(queue.failures('a')).toBe(0);
    expect(logger.lines.map(({ level, message, fields }) => [level, message, fields['error']])).toEqual([
      ['error', 'reconcile failed', 'first'],
      ['error', 'reconcile failed', 'second'],
    ]);
    expect(logger.lines[0]?.fields).not.toHaveProperty('stack');
    expect(logger.lines[1]?.fields['stack']).toMatch(/^at .*controller\.test/);
  });

  it.each<[string, Reconcile]>([
    [
      'throws before it returns a promise',
      () => {
        throw new Error('panic');
      },
    ],
    ['throws no error object', () => Promise.reject(new Error('x', { cause: undefined }))],
    ['asks for a time that is no number', () => Promise.resolve({ kind: 'requeue', afterMs: Number.NaN })],
  ])('survives a reconcile that %s', async (_, reconcile) => {
    const { clock, queue, outcomes } = start(reconcile, 1);
    queue.add('a', 'high');
    queue.add('b', 'high');

    await clock.advance(50);

    expect(outcomes).toEqual(['panic', 'panic']);
    expect(queue.delayed).toBe(2);
  });
});

describe('a reconcile that takes too long', () => {
  it('is stopped by its signal, and retried', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, outcomes } = start(reconcile);
    queue.add('a', 'high');
    await clock.advance(59_999);
    const before = calls[0]?.context.signal.aborted;

    await clock.advance(1);
    const after = calls[0]?.context.signal.aborted;
    calls[0]?.reject(calls[0].context.signal.reason);
    await clock.advance(100);

    expect([before, after]).toEqual([false, true]);
    expect(outcomes).toEqual(['late']);
    expect(calls.length).toBe(2);
  });

  it('keeps its key until it stops or the grace time is over', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, outcomes } = start(reconcile);
    queue.add('a', 'high');
    await clock.advance(30_000);
    queue.add('a', 'high');

    await clock.advance(34_999);
    const inGrace = calls.length;
    await clock.advance(1);

    expect(inGrace).toBe(1);
    expect(outcomes).toEqual(['abandoned']);
    expect(calls.length).toBe(2);
  });

  it('is not listened to any more once it was abandoned', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, outcomes } = start(reconcile);
    queue.add('a', 'high');
    await clock.advance(65_000);

    calls[0]?.reject(new Error('far too late'));
    await settle();

    expect(outcomes).toEqual(['abandoned']);
  });
});

describe('a stop', () => {
  it('takes no more keys and lets running reconciles finish', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, stop, ended, outcomes } = start(reconcile, 1);
    queue.add('a', 'high');
    queue.add('b', 'high');
    await settle();

    stop.abort();
    await clock.advance(9999);
    const signalled = calls[0]?.context.signal.aborted;
    const endedEarly = ended();
    calls[0]?.resolve(done);
    await settle();

    expect([signalled, endedEarly, ended()]).toEqual([false, false, true]);
    expect(calls.length).toBe(1);
    expect(outcomes).toEqual(['done']);
    expect(clock.pending).toBe(0);
  });

  it('aborts what still runs at its deadline, and leaves behind what ignores that', async () => {
    const { reconcile, calls } = manual();
    const { clock, queue, stop, ended, outcomes } = start(reconcile);
    queue.add('heeds', 'high');
    queue.add('ignores', 'high');
    await settle();

    stop.abort();
    await clock.advance(10_000);
    calls[0]?.reject(new Error('aborted'));
    await clock.advance(4999);
    const before = ended();
    await clock.advance(1);

    expect([before, ended()]).toEqual([false, true]);
    expect(outcomes).toEqual(['aborted', 'abandoned']);
    expect(clock.pending).toBe(0);
  });

  it('of the hard kind aborts everything at once', async () => {
    const { reconcile, calls } = manual();
    const { queue, abort, ended } = start(reconcile);
    queue.add('a', 'high');
    await settle();

    abort.abort();
    const signalled = calls[0]?.context.signal.aborted;
    calls[0]?.reject(new Error('aborted'));
    await settle();

    expect([signalled, ended()]).toEqual([true, true]);
  });

  it('before the start means that nothing is ever reconciled', async () => {
    const { reconcile, calls } = manual();
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, random: () => 1 });
    const controller = new Controller({ queue, reconcile, workers: 2, clock, logger: new MemoryLogger() });
    queue.add('a', 'high');

    await controller.run(AbortSignal.abort(), new AbortController().signal);

    expect(calls).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
