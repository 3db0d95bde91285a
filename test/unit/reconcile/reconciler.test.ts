import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { REQUESTED_AT_ANNOTATION } from '../../../src/api/cloudjob.js';
import type { Observation } from '../../../src/cloud/observation.js';
import type { CloudErrorClass } from '../../../src/cloud/errors.js';
import { MAX_UNWRITTEN_LENGTH } from '../../../src/reconcile/unwrittenObservations.js';
import { after, cloudJob, conditionsOf, CREATED, job, JOB_ID, read } from '../../support/cloudJobs.js';
import { settle } from '../../support/fakeClock.js';
import { KEY, ReconcilerWorld, SlowAnswer } from './reconcilerWorld.js';

function tells(phase: string, rest = {}): Observation {
  return { kind: 'job', job: job(phase, rest) };
}

function fails(errorClass: CloudErrorClass, retryAfterMs?: number): Observation {
  return {
    kind: 'error',
    error: { class: errorClass, message: 'no luck', ...(retryAfterMs !== undefined && { retryAfterMs }) },
  };
}

/** A world whose CloudJob has been polled once, and found running. */
async function followedWorld(spec: Readonly<Record<string, unknown>> = {}): Promise<ReconcilerWorld> {
  const world = new ReconcilerWorld(cloudJob(spec));
  await world.pass();
  return world;
}

describe('the first poll', () => {
  it('happens at once, before all polls, and is written as one status', async () => {
    const world = new ReconcilerWorld(cloudJob());

    const result = await world.pass();

    expect(world.reader.reads).toMatchObject([
      { priority: 'high', target: { jobID: JOB_ID, projectID: 'p1', region: { name: 'eu-de' } } },
    ]);
    expect(world.store.written).toHaveLength(1);
    expect(world.object.status.phase).toBe('Running');
    expect(world.transitions.committed).toEqual(['Observed']);
    expect(result).toEqual({ kind: 'requeue', afterMs: 2_000 });
  });

  it('is said to be awaited when the cloud takes longer than a second', async () => {
    const world = new ReconcilerWorld(cloudJob());
    const answer = new SlowAnswer();
    world.reader.answers = [answer.promise];

    const pass = world.pass();
    await world.clock.advance(999);
    const early = world.store.written.length;
    await world.clock.advance(1);
    const waiting = conditionsOf(world.object);
    answer.resolve(tells('Running'));
    const result = await pass;
    await world.clock.advance(1_000);
    await world.pass();

    expect(early).toBe(0);
    expect(result).toEqual({ kind: 'requeue', afterMs: 1_000 });
    expect(waiting).toMatchObject({ Ready: 'Unknown/WaitingForCloud', Reconciling: 'True/WaitingForCloud' });
    expect(world.object.status.phase).toBe('Running');
    expect(world.store.written).toHaveLength(2);
    expect(world.reads).toBe(1);
  });

  it('loses nothing of a slow answer when the object changed under the waiting status', async () => {
    const world = new ReconcilerWorld(cloudJob());
    const answer = new SlowAnswer();
    world.reader.answers = [answer.promise];
    world.store.troubles = ['stale'];

    const pass = world.pass();
    await world.clock.advance(1_000);
    answer.resolve(tells('Running'));
    const result = await pass;
    await world.pass();

    expect(result).toEqual({ kind: 'requeue', afterMs: 100 });
    expect(world.object.status.phase).toBe('Running');
    expect(world.reads).toBe(1);
  });

  it('leaves no timer behind when the answer is quick', async () => {
    const world = await followedWorld();

    expect(world.clock.pending).toBe(0);
  });

  it('needs a Secret that the CloudJob names', async () => {
    const world = new ReconcilerWorld(cloudJob({ credentialsRef: undefined }));

    await world.pass();

    expect(world.reads).toBe(0);
    expect(conditionsOf(world.object)).toMatchObject({ Synced: 'False/CredentialsRequired' });
    expect(world.object.status.message).toContain('spec.credentialsRef');
  });
});

describe('the next poll', () => {
  it('does not come before the cadence says so, however often the key comes up', async () => {
    const world = await followedWorld();

    await world.clock.advance(1_999);
    const early = await world.pass();
    const readsBefore = world.reads;
    await world.clock.advance(1);
    await world.pass();

    expect(early).toEqual({ kind: 'requeue', afterMs: 1 });
    expect(readsBefore).toBe(1);
    expect(world.reader.reads[1]).toMatchObject({ priority: 'low' });
    expect(world.store.written).toHaveLength(1);
  });

  it('comes also when it falls due while a status is being written', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.store.troubles = ['stale'];
    await world.pass();
    await world.clock.advance(1_999);
    world.store.meanwhile = () => world.clock.advance(5);

    const result = await world.pass();

    expect(world.store.written).toHaveLength(1);
    expect(world.reads).toBe(1);
    expect(result).toEqual({ kind: 'requeue', afterMs: 0 });
  });

  it('comes also when the pass is aborted in the middle of a poll', async () => {
    const world = await followedWorld();
    await world.clock.advance(2_000);
    const abort = new AbortController();
    world.reader.answers = [{ kind: 'nothing' }];
    abort.abort();

    const result = await world.pass(abort.signal);

    expect(result).toEqual({ kind: 'requeue', afterMs: 0 });
  });

  it('comes later the longer nothing changes, and soon again after a change', async () => {
    const world = await followedWorld();
    await world.clock.advance(100_000);

    const quiet = await world.pass();
    await world.clock.advance(20_000);
    world.reader.answers = [tells('Running', { subJobs: [job('Success', { id: 'a' })] })];
    const changed = await world.pass();

    expect(quiet).toEqual({ kind: 'requeue', afterMs: 20_000 });
    expect(changed).toEqual({ kind: 'requeue', afterMs: 2_000 });
  });

  it('takes what the poll of another CloudJob has shown of the same job, before its own is due', async () => {
    const world = await followedWorld();
    world.reader.answers = [tells('Success')];
    world.reader.shared.add('infra/scale-up');
    await world.clock.advance(1_000);

    await world.pass();

    expect(world.object.status.phase).toBe('Success');
  });

  it('keeps to the interval of the spec', async () => {
    const world = new ReconcilerWorld(cloudJob({ pollIntervalSeconds: 30 }));

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: 30_000 });
  });

  it('is as urgent as others are for what was there at start, and urgent after a change of that', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [{ kind: 'nothing' }];
    await world.pass(undefined, undefined, 'low');
    // The echo of its own write.
    await world.pass();
    world.edit({ spec: { readyWhen: 'Observed' } });
    await world.pass(undefined, undefined, 'low');

    expect(world.reader.reads.map(({ priority }) => priority)).toEqual(['low', 'low', 'high']);
  });

  it('comes at once, and urgently, after a change of the spec', async () => {
    const world = await followedWorld();
    await world.clock.advance(1_000);
    world.edit({ spec: { readyWhen: 'Observed' } });

    await world.pass();

    expect(world.reader.reads.map(({ priority }) => priority)).toEqual(['high', 'high']);
    expect(world.object.status.observedGeneration).toBe(2);
    expect(conditionsOf(world.object)).toMatchObject({ Ready: 'True/JobObserved' });
  });

  it('waits for the time that the cloud demands after a failure', async () => {
    const world = await followedWorld();
    world.reader.answers = [fails('throttled', 42_000)];
    await world.clock.advance(2_000);

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: 42_000 });
  });

  it('comes later with each failure in a row', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [fails('malformed')];

    const waits: unknown[] = [];
    for (let failures = 1; failures <= 7; failures += 1) {
      const result = await world.pass();
      waits.push(result);
      if (result.kind === 'requeue') await world.clock.advance(result.afterMs);
    }

    expect(waits).toEqual(
      [2, 4, 8, 16, 32, 60, 60].map((seconds) => ({ kind: 'requeue', afterMs: seconds * 1000 })),
    );
  });

  it('comes when it was requested, and the request is echoed', async () => {
    const world = await followedWorld();
    await world.clock.advance(1_000);
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });

    await world.pass();
    await world.pass();

    expect(world.reader.reads.map(({ priority }) => priority)).toEqual(['high', 'high']);
    expect(world.object.status.lastHandledReconcileAt).toBe('now');
  });

  it.each([
    ['to the activeDeadlineSeconds', { activeDeadlineSeconds: 60 }, [tells('Running')], 55_000],
    [
      'to the observationDeadlineSeconds',
      { observationDeadlineSeconds: 20 },
      [fails('throttled', 90_000)],
      20_000,
    ],
    ['to the end of the grace time', {}, [fails('notFound', 400_000)], 120_000],
  ])('is no later than a deadline: %s', async (_, spec, answers, wait) => {
    const world = new ReconcilerWorld(cloudJob({ pollIntervalSeconds: 600, ...spec }));
    world.reader.answers = answers;

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: wait });
  });

  it('comes no sooner because the cloud touches its time of update at every poll', async () => {
    const touched = (seconds: number) => ({ updateTime: new Date(CREATED + seconds * 1000).toISOString() });
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [tells('Running', touched(1)), tells('Running', touched(100))];
    await world.pass();
    await world.clock.advance(100_000);

    expect(await world.pass()).toEqual({ kind: 'requeue', afterMs: 20_000 });
  });

  it.each([
    ['one that changed just now', 0, {}, 2_000],
    ['one that changed a minute ago', 60, {}, 20_000],
    ['one that is quiet for an hour', 3_600, {}, 60_000],
    ['one with an interval of its own', 3_600, { pollIntervalSeconds: 30 }, 30_000],
    ['one with an interval of its own that is very long', 0, { pollIntervalSeconds: 3_600 }, 60_000],
  ])('is at a random moment of its interval after a restart: %s', async (_, quiet, spec, interval) => {
    const world = new ReconcilerWorld(cloudJob(spec));
    const updateTime = new Date(world.clock.now() - quiet * 1000).toISOString();
    world.reader.answers = [tells('Running', { updateTime })];
    await world.pass();
    world.restart();
    world.random = 0.4;

    const first = await world.pass();
    await world.clock.advance(0.4 * interval - 1);
    await world.pass();
    const early = world.reads;
    await world.clock.advance(1);
    await world.pass();

    expect(first).toEqual({ kind: 'requeue', afterMs: 0.4 * interval });
    expect([early, world.reads]).toEqual([1, 2]);
  });
});

describe('a job that needs no polls', () => {
  it.each(['Success', 'Failed'])('costs nothing once it has ended: %s', async (phase) => {
    const world = new ReconcilerWorld(after(cloudJob(), read(phase)));

    const result = await world.pass();
    await world.clock.advance(3_600_000);
    await world.pass();

    expect(result).toEqual({ kind: 'done' });
    expect([world.reads, world.secrets.reads, world.store.written.length]).toEqual([0, 0, 0]);
    expect(world.reader.forgotten).toContain(KEY);
  });

  it('is polled after its end when somebody requests it, and keeps its end', async () => {
    const world = new ReconcilerWorld(after(cloudJob(), read('Success')));
    world.reader.answers = [fails('notFound')];
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });

    await world.pass();

    expect(world.reads).toBe(1);
    expect(world.object.status).toMatchObject({ phase: 'Success', lastHandledReconcileAt: 'now' });
  });

  it('is shown as the cloud has it now when somebody requests it, also if that is no end any more', async () => {
    const world = new ReconcilerWorld(after(cloudJob(), read('Success')));
    world.reader.answers = [tells('Running')];
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });

    const result = await world.pass();

    expect(world.object.status).toMatchObject({ phase: 'Running', lastHandledReconcileAt: 'now' });
    expect(conditionsOf(world.object)).toMatchObject({ Ready: 'Unknown/JobRunning' });
    expect(result).toEqual({ kind: 'requeue', afterMs: 2_000 });
  });

  it('costs nothing while it is suspended', async () => {
    const world = new ReconcilerWorld(cloudJob({ suspend: true }));
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });

    const result = await world.pass();

    expect(result).toEqual({ kind: 'done' });
    expect([world.reads, world.secrets.reads]).toEqual([0, 0]);
    expect(conditionsOf(world.object)).toMatchObject({ Suspended: 'True/Suspended' });
  });

  it('is polled as soon as it is resumed, and its silence is not held against it', async () => {
    const world = await followedWorld();
    world.edit({ spec: { suspend: true } });
    await world.pass();
    await world.clock.advance(7_200_000);
    world.edit({ spec: { suspend: false } });
    world.reader.answers = [fails('transient')];

    const result = await world.pass();

    expect(result).toEqual({ kind: 'requeue', afterMs: 2_000 });
    expect(world.reads).toBe(2);
    expect(conditionsOf(world.object)).toMatchObject({
      Ready: 'Unknown/JobRunning',
      Reconciling: 'True/JobRunning',
    });
  });

  it('costs nothing when the spec cannot be read', async () => {
    const world = new ReconcilerWorld(cloudJob({ jobID: '../x' }));

    const result = await world.pass();

    expect(result).toEqual({ kind: 'done' });
    expect(world.reads).toBe(0);
    expect(conditionsOf(world.object)).toMatchObject({ Stalled: 'True/InvalidSpec' });
  });
});

describe('an end that somebody else wrote', () => {
  it('of a running job is verified at once, and put right', async () => {
    const world = await followedWorld({ pollIntervalSeconds: 3_600 });
    await world.clock.advance(2_000);
    world.forge({ phase: 'Success' });

    await world.pass();

    expect(world.reads).toBe(2);
    expect(world.object.status.phase).toBe('Running');
    expect(conditionsOf(world.object)).toMatchObject({ Ready: 'Unknown/JobRunning' });
    expect([world.transitions.committed, world.store.adopted]).toEqual([
      ['Observed', 'StatusOverwritten', 'PhaseChanged'],
      0,
    ]);
  });

  it('of a job that ended otherwise is put right, and reported', async () => {
    const world = await followedWorld();
    world.reader.answers = [tells('Failed')];
    await world.clock.advance(2_000);
    world.forge({ phase: 'Success' });

    const result = await world.pass();

    expect(conditionsOf(world.object)).toMatchObject({ Ready: 'False/JobFailed' });
    expect(world.transitions.committed).toEqual(['Observed', 'StatusOverwritten', 'Failed']);
    expect(result).toEqual({ kind: 'done' });
  });

  it.each<[string, Observation]>([
    ['is as the cloud says', tells('Success')],
    ['is of a job that the cloud does not know any more', fails('notFound')],
  ])('and that %s becomes the own, after one poll', async (_, answer) => {
    const world = new ReconcilerWorld(after(cloudJob(), read('Success')));
    const before = world.object.status;
    world.forge({});
    world.reader.answers = [answer];

    const result = await world.pass();
    await world.clock.advance(3_600_000);
    world.restart();
    await world.pass();

    expect(world.object.status).toEqual(before);
    expect([world.reads, world.store.written.length, world.store.adopted]).toEqual([1, 0, 1]);
    expect(result).toEqual({ kind: 'done' });
  });

  it('stays as it is while it cannot be verified, and is polled again like any other', async () => {
    const world = new ReconcilerWorld(after(cloudJob({ ttlSecondsAfterFinished: 0 }), read('Success')));
    const before = world.object.status;
    world.forge({});
    world.reader.answers = [fails('unauthorized'), fails('transient'), tells('Success')];

    for (let pass = 0; pass < 3; pass += 1) {
      await world.pass();
      await world.clock.advance(1_000);
    }
    const unverified = [world.object.status, world.store.deleted.length];
    await world.clock.advance(600_000);
    await world.pass();
    await world.clock.advance(600_000);
    await world.pass();

    expect(unverified).toEqual([before, 0]);
    expect([world.store.adopted, world.store.deleted.length]).toEqual([1, 1]);
  });

  it('is awaited like the first status where nothing else is known', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.forge({ phase: 'Success' });
    world.reader.answers = [fails('transient')];

    await world.pass();

    expect(conditionsOf(world.object)).toMatchObject({ Ready: 'Unknown/WaitingForCloud' });
  });
});

describe('transitions', () => {
  it('are recorded before the status that they speak of, so that a crash in between loses none', async () => {
    const world = new ReconcilerWorld(cloudJob());
    let tell: () => void = () => undefined;
    world.transitions.recording = new Promise((resolve) => {
      tell = resolve;
    });

    const pass = world.pass();
    await settle();
    const before = [world.transitions.recorded.length, world.store.written.length];
    tell();
    await pass;

    expect(before).toEqual([1, 0]);
    expect(world.store.written).toHaveLength(1);
    expect(world.transitions.committed).toEqual(['Observed']);
  });

  it('hold up the status for a second at most', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.transitions.recording = new Promise(() => undefined);

    const pass = world.pass();
    await world.clock.advance(999);
    const early = world.store.written.length;
    await world.clock.advance(1);
    await pass;

    expect([early, world.store.written.length]).toEqual([0, 1]);
    expect(world.clock.pending).toBe(0);
  });
});

describe('writes', () => {
  it('of an object that changes all the time come once a second, and the last state is not lost', async () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 700 }), fc.constantFrom('ask', 'spec', 'job')),
      {
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (changes) => {
        const world = new ReconcilerWorld(cloudJob());
        const writes: number[] = [];
        let dueAt = 0;
        const pass = async (): Promise<void> => {
          const before = world.store.written.length;
          const result = await world.pass();
          dueAt = result.kind === 'requeue' ? world.clock.monotonic() + result.afterMs : Infinity;
          if (world.store.written.length > before) writes.push(world.clock.monotonic());
        };
        const advance = async (ms: number): Promise<void> => {
          const end = world.clock.monotonic() + ms;
          for (;;) {
            if (dueAt > end) break;
            await world.clock.advance(dueAt - world.clock.monotonic());
            await pass();
          }
          await world.clock.advance(end - world.clock.monotonic());
        };
        await pass();
        for (const [index, [ms, what]] of changes.entries()) {
          await advance(ms);
          if (what === 'ask') world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: `at ${index}` } });
          else if (what === 'spec') world.edit({ spec: { pollIntervalSeconds: 2 + (index % 3) } });
          else world.reader.answers = [tells('Running', { resourceName: `name-${index}` })];
          await pass();
        }
        const readsBefore = world.reads;
        await advance(1_000);
        const trailing = world.reads - readsBefore;
        await advance(10_000);

        expect(trailing).toBeLessThanOrEqual(1);
        for (const [index, at] of writes.entries()) {
          expect(at - (writes[index - 1] ?? -Infinity)).toBeGreaterThanOrEqual(1_000);
        }
        const { metadata, status } = world.object;
        expect(status.observedGeneration).toBe(metadata.generation);
        expect(status.lastHandledReconcileAt).toBe(metadata.annotations[REQUESTED_AT_ANNOTATION]);
        const names = changes.flatMap(([, what], index) => (what === 'job' ? [`name-${index}`] : []));
        expect(status.resourceName).toBe(names.at(-1));
      }),
      { numRuns: 60 },
    );
  });

  it('that have to wait cost no second poll', async () => {
    const world = await followedWorld();
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });

    const result = await world.pass();
    const early = world.store.written.length;
    await world.clock.advance(1_000);
    await world.pass();

    expect(result).toEqual({ kind: 'requeue', afterMs: 1_000 });
    expect([early, world.store.written.length, world.reads]).toEqual([1, 2, 2]);
    expect(world.object.status.lastHandledReconcileAt).toBe('now');
  });
});

describe('a status that is stored otherwise than it was written', () => {
  it('as under a CustomResourceDefinition that lacks fields, is written once, and polled at the usual pace', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [tells('Running', { subJobs: [job('Failed', { id: 'a' })] })];
    world.store.keeps = ({ type: _, subJobs: __, progress: ___, lastHandledReconcileAt: ____, ...kept }) =>
      kept;
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });

    const waits: unknown[] = [];
    for (let pass = 0; pass < 5; pass += 1) {
      const result = await world.pass();
      waits.push(result.kind === 'requeue' && Math.round(result.afterMs / 1000));
      await world.clock.advance(result.kind === 'requeue' ? result.afterMs : 0);
    }

    expect([world.store.written.length, world.reads]).toEqual([1, 5]);
    expect(waits).toEqual([2, 4, 8, 16, 20]);
    expect(world.alterations).toEqual(['pruned type progress subJobs lastHandledReconcileAt']);
    expect(world.transitions.committed).toEqual(['Observed', 'SubJobFailed']);
  });

  it('goes on from what is stored when another one is to be written', async () => {
    const world = await followedWorld();
    world.store.keeps = ({ type: _, ...kept }) => kept;
    world.reader.answers = [tells('Initializing'), tells('Success')];

    for (let pass = 0; pass < 3; pass += 1) {
      await world.clock.advance(20_000);
      await world.pass();
    }

    expect(world.object.status).toMatchObject({ phase: 'Success' });
    expect(world.store.written).toHaveLength(3);
  });

  it('by somebody else is put right, ever more rarely, and reported once', async () => {
    const world = await followedWorld({ pollIntervalSeconds: 3_600 });
    const waits: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      world.forge({ message: `round ${round}` });
      const since = world.clock.monotonic();
      for (let result = await world.pass(); world.object.status.message?.startsWith('round');) {
        await world.clock.advance(result.kind === 'requeue' ? result.afterMs : 1_000);
        result = await world.pass();
      }
      waits.push(world.clock.monotonic() - since);
    }

    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 32_000, 32_000]);
    expect(world.alterations).toEqual(Array.from({ length: 7 }, () => 'overwritten message'));
    expect(world.transitions.committed).toEqual(['Observed', 'StatusOverwritten']);
  });

  it('is not taken for that of somebody else when the answer to the own write was lost', async () => {
    const world = await followedWorld();
    await world.clock.advance(2_000);
    world.reader.answers = [tells('Initializing')];
    world.store.troubles = ['lost'];

    await expect(world.pass()).rejects.toThrow('the answer was lost');
    await world.clock.advance(2_000);
    await world.pass();

    expect(world.alterations).toEqual([]);
  });
});

describe('a write that does not get through', () => {
  it('keeps what was observed when it is stale, and does not poll again', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.store.troubles = ['stale'];

    const result = await world.pass();
    const committedBefore = [...world.transitions.committed];
    await world.clock.advance(100);
    await world.pass();

    expect(result).toEqual({ kind: 'requeue', afterMs: 100 });
    expect(world.reads).toBe(1);
    expect(world.object.status.phase).toBe('Running');
    expect(committedBefore).toEqual([]);
    expect(world.transitions.committed).toEqual(['Observed']);
    const [first, ...again] = world.transitions.recorded;
    expect(again.map(({ key }) => key)).toEqual([first?.key]);
  });

  it('keeps what was observed when it throws, and does not poll again', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.store.troubles = [new Error('the API server is away')];

    await expect(world.pass()).rejects.toThrow('the API server is away');
    const committedBefore = [...world.transitions.committed];
    await world.pass();

    expect(world.reads).toBe(1);
    expect(world.object.status.phase).toBe('Running');
    expect(committedBefore).toEqual([]);
    expect(world.transitions.committed).toEqual(['Observed']);
  });

  it('never loses an end of the job, although the cloud forgets the job before the write gets through', async () => {
    const world = await followedWorld();
    world.reader.answers = [tells('Success'), fails('notFound')];
    world.store.troubles = [new Error('away')];
    await world.clock.advance(2_000);

    await expect(world.pass()).rejects.toThrow('away');
    await world.clock.advance(3_600_000);
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });
    await world.pass();

    expect(world.object.status).toMatchObject({ phase: 'Success', lastHandledReconcileAt: 'now' });
  });

  it('does not poll a job again that has ended', async () => {
    const world = await followedWorld();
    world.reader.answers = [tells('Success')];
    world.store.troubles = [new Error('away')];
    await world.clock.advance(2_000);

    await expect(world.pass()).rejects.toThrow('away');
    await world.clock.advance(3_600_000);
    await world.pass();

    expect(world.reads).toBe(2);
    expect(world.object.status.phase).toBe('Success');
  });

  it('does not let an old observation pass for the poll that was requested since', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.store.troubles = ['stale'];
    await world.pass();
    world.edit({ annotations: { [REQUESTED_AT_ANNOTATION]: 'now' } });
    world.reader.answers = [{ kind: 'nothing' }];

    await world.pass();
    const whileWaiting = world.object.status.lastHandledReconcileAt;
    world.reader.answers = [tells('Running')];
    await world.clock.advance(1_000);
    await world.pass();

    expect(whileWaiting).toBeUndefined();
    expect(world.object.status.lastHandledReconcileAt).toBe('now');
  });

  it('of many long jobs keeps as many as there is room for, and polls the others again', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `long-${index}`);
    const world = new ReconcilerWorld();
    for (const name of names) world.store.put(cloudJob({}, { name, uid: name }));
    const passes = (): Promise<unknown> =>
      Promise.allSettled(names.map((name) => world.pass(undefined, `infra/${name}`)));
    world.reader.answers = [tells('Success', { reason: 'x'.repeat(MAX_UNWRITTEN_LENGTH / 8.5) })];
    world.store.troubles = names.map(() => new Error('the API server is away'));
    await passes();
    const before = world.reads;
    await world.clock.advance(60_000);

    await passes();

    expect([before, world.reads]).toEqual([12, 16]);
    expect([...world.store.objects.values()].map(({ status }) => status.phase)).toEqual(
      names.map(() => 'Success'),
    );
  });

  it('is made up for by a later pass, although that pass has to wait for the cloud', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.store.troubles = [new Error('away')];
    await expect(world.pass()).rejects.toThrow('away');
    await world.clock.advance(10_000);
    world.reader.answers = [{ kind: 'nothing' }];

    await world.pass();

    expect(world.reads).toBe(2);
    expect(world.object.status.phase).toBe('Running');
  });

  it('leaves no poll behind: the pass ends with it, and keeps what it shows', async () => {
    const world = new ReconcilerWorld(cloudJob());
    const answer = new SlowAnswer();
    world.reader.answers = [answer.promise];
    world.store.troubles = [new Error('away')];
    let ended = false;

    const pass = world.pass().finally(() => (ended = true));
    pass.catch(() => undefined);
    await world.clock.advance(1_000);
    const endedBefore = ended;
    answer.resolve(tells('Running'));

    await expect(pass).rejects.toThrow('away');
    await world.pass();
    expect(endedBefore).toBe(false);
    expect(world.object.status.phase).toBe('Running');
    expect(world.reads).toBe(1);
  });

  it('ends the pass with its error even if the slow poll fails, too', async () => {
    const world = new ReconcilerWorld(cloudJob());
    const answer = new SlowAnswer();
    world.reader.answers = [answer.promise];
    world.store.troubles = [new Error('away')];

    const pass = world.pass();
    pass.catch(() => undefined);
    await world.clock.advance(1_000);
    answer.reject(new Error('the API server is away, too'));

    await expect(pass).rejects.toThrow(/^away$/);
  });
});

describe('a budget that lets nobody in', () => {
  it('shows after a second that the cloud is awaited, and sleeps until the reader wakes the key', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [{ kind: 'nothing' }, { kind: 'nothing' }, tells('Running')];

    const first = await world.pass();
    const written = world.store.written.length;
    await world.clock.advance(1_000);
    const result = await world.pass();
    const waiting = conditionsOf(world.object);
    await world.clock.advance(30_000);
    const woken = await world.pass();

    expect(first).toEqual({ kind: 'requeue', afterMs: 1_000 });
    expect(written).toBe(0);
    // The deadline for observation counts from the creation of the object.
    expect(result).toEqual({ kind: 'requeue', afterMs: 599_000 });
    expect(waiting).toMatchObject({ Synced: 'Unknown/WaitingForCloud' });
    expect(woken).toEqual({ kind: 'requeue', afterMs: 2_000 });
    expect(world.object.status.phase).toBe('Running');
  });

  it('does not keep the first status of one that gets a slot in a moment', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [{ kind: 'nothing' }, tells('Running')];

    await world.pass();
    await world.clock.advance(30);
    await world.pass();

    expect(world.store.written).toHaveLength(1);
    expect(world.object.status.phase).toBe('Running');
  });

  it('changes nothing of a job that is known', async () => {
    const world = await followedWorld();
    await world.clock.advance(2_000);
    world.reader.answers = [{ kind: 'nothing' }];

    await world.pass();

    expect(world.reads).toBe(2);
    expect(world.store.written).toHaveLength(1);
  });
});

describe('credentials', () => {
  it('are read again after a 401, and a rotated one is tried at once', async () => {
    const world = await followedWorld();
    await world.clock.advance(2_000);
    world.secrets.token = 'second';
    world.reader.answers = [fails('unauthorized'), tells('Running')];

    await world.pass();

    const [, rejected, accepted] = world.reader.reads.map(({ target }) => target.authenticator.fingerprint);
    expect(world.reads).toBe(3);
    expect(accepted).not.toBe(rejected);
    expect(conditionsOf(world.object)).toMatchObject({ Synced: 'True/JobRead' });
  });

  it('are tried no second time when they are the same', async () => {
    const world = await followedWorld();
    await world.clock.advance(2_000);
    world.reader.answers = [fails('unauthorized')];

    await world.pass();

    expect(world.reads).toBe(2);
    expect(world.secrets.reads).toBe(2);
    expect(conditionsOf(world.object)).toMatchObject({ Synced: 'False/CredentialsRejected' });
    expect(world.transitions.committed).toEqual(['Observed', 'CredentialsRejected']);
  });

  it('are tried once more alone, even when they are rotated and wrong again', async () => {
    const world = await followedWorld();
    await world.clock.advance(2_000);
    world.secrets.token = 'second';
    world.reader.answers = [fails('unauthorized')];

    await world.pass();

    expect(world.reads).toBe(3);
  });

  it('cost the API server nothing while they work', async () => {
    const world = await followedWorld();

    for (let poll = 0; poll < 5; poll += 1) {
      await world.clock.advance(30_000);
      await world.pass();
    }

    expect(world.reads).toBe(6);
    expect(world.secrets.reads).toBe(1);
  });
});

describe('what is remembered of an object', () => {
  it('goes with the object', async () => {
    const world = await followedWorld();
    const fresh = cloudJob();
    world.store.objects.clear();

    const gone = await world.pass();
    world.store.put(fresh);
    await world.pass();

    expect(gone).toEqual({ kind: 'done' });
    expect(world.reader.forgotten).toEqual([KEY]);
    expect(world.reader.reads.map(({ priority }) => priority)).toEqual(['high', 'high']);
  });

  it('goes when the object is being deleted', async () => {
    const world = await followedWorld();
    const { metadata } = world.object;
    world.store.put({
      ...world.object,
      metadata: { ...metadata, deletionTimestamp: '2026-03-01T11:00:00Z' },
    });
    await world.clock.advance(60_000);

    const result = await world.pass();

    expect(result).toEqual({ kind: 'done' });
    expect(world.reads).toBe(1);
    expect(world.reader.forgotten).toEqual([KEY]);
  });

  it('is not taken for that of another object of the same name', async () => {
    const world = await followedWorld();
    world.store.put(cloudJob({}, { uid: 'another' }));

    await world.pass();

    expect(world.reads).toBe(2);
    expect(world.object.status.phase).toBe('Running');
  });

  it('is not taken for that of another job', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [tells('Success'), { kind: 'nothing' }];
    await world.pass();
    await world.clock.advance(1_000);
    world.edit({ spec: { jobID: 'another-job' } });

    await world.pass();

    expect(world.reader.reads[1]).toMatchObject({ priority: 'high', target: { jobID: 'another-job' } });
    expect(world.object.status).toMatchObject({ jobID: 'another-job' });
    expect(world.object.status.phase).toBeUndefined();
  });
});

describe('ttlSecondsAfterFinished', () => {
  it('deletes the object when the time is over, and not before', async () => {
    const world = new ReconcilerWorld(cloudJob({ ttlSecondsAfterFinished: 60 }));
    world.reader.answers = [tells('Success')];

    const finished = await world.pass();
    await world.clock.advance(59_000);
    const almost = await world.pass();
    const before = world.store.deleted.length;
    await world.clock.advance(1_000);
    await world.pass();

    expect(finished).toEqual({ kind: 'requeue', afterMs: 60_000 });
    expect(almost).toEqual({ kind: 'requeue', afterMs: 1_000 });
    expect(before).toBe(0);
    expect(world.store.deleted).toHaveLength(1);
  });

  it('of 0 deletes the object in the pass that saw the end', async () => {
    const world = new ReconcilerWorld(cloudJob({ ttlSecondsAfterFinished: 0 }));
    world.reader.answers = [tells('Success')];

    await world.pass();

    expect(world.transitions.committed).toContain('Succeeded');
    expect(world.store.deleted).toHaveLength(1);
  });
});

describe('time', () => {
  it.each([
    ['ahead', 180_000],
    ['behind', -3_600_000],
  ])('is counted from when the object was first seen, by a clock that is %s, too', async (_, wrong) => {
    const world = new ReconcilerWorld(cloudJob());
    world.clock.step(wrong);
    world.reader.answers = [fails('notFound')];

    await world.pass();
    const seen = conditionsOf(world.object);
    await world.clock.advance(119_000);
    await world.pass();
    const waiting = conditionsOf(world.object);
    await world.clock.advance(20_000);
    await world.pass();

    expect([seen, waiting]).toMatchObject([
      { Reconciling: 'True/JobNotFound' },
      { Reconciling: 'True/JobNotFound' },
    ]);
    expect(conditionsOf(world.object)).toMatchObject({ Stalled: 'True/JobNotFound' });
  });

  it.each([
    ['long ago', 200_000, 'Stalled'],
    ['in the future, by a clock that is behind', -200_000, 'Reconciling'],
  ])('is counted from its creation, %s, of an object that was there at start', async (_, age, condition) => {
    const world = new ReconcilerWorld(cloudJob());
    world.clock.step(age);
    world.reader.answers = [fails('notFound')];

    await world.pass(undefined, undefined, 'low');

    expect(conditionsOf(world.object)).toHaveProperty(condition);
  });

  it('makes a silent job Stalled after its deadline, and the next observation heals it', async () => {
    const world = await followedWorld({ observationDeadlineSeconds: 60 });
    world.reader.answers = [fails('transient')];

    for (let poll = 0; poll < 30; poll += 1) {
      await world.clock.advance(2_000);
      await world.pass();
    }
    const stalled = conditionsOf(world.object);
    world.reader.answers = [tells('Running')];
    await world.clock.advance(60_000);
    await world.pass();

    expect(stalled).toMatchObject({ Ready: 'False/CloudUnavailable', Stalled: 'True/CloudUnavailable' });
    expect(conditionsOf(world.object)).not.toHaveProperty('Stalled');
    expect(world.transitions.committed).toEqual(['Observed', 'Stalled', 'Recovered']);
  });

  it.each([
    ['forwards', 86_400_000],
    ['backwards', -86_400_000],
  ])('steps %s without making a followed job overdue, or its poll late', async (_, step) => {
    const world = await followedWorld();
    world.clock.step(step);
    world.reader.answers = [fails('transient')];

    const early = await world.pass();
    await world.clock.advance(2_000);
    await world.pass();

    expect(early).toEqual({ kind: 'requeue', afterMs: 2_000 });
    expect(world.reads).toBe(2);
    expect(conditionsOf(world.object)).not.toHaveProperty('Stalled');
  });
});

describe('a status that the API server refuses as too large', () => {
  const subJobs = Array.from({ length: 64 }, (_, index) =>
    job('Failed', { id: `${index}`, reason: 'no room '.repeat(100) }),
  );

  it('is shortened, which is said once, and stays so while the job says the same', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [tells('Running', { subJobs })];
    world.store.troubles = ['tooLarge'];

    const refused = await world.pass();
    await world.clock.advance(1_000);
    await world.pass();
    for (let poll = 0; poll < 5; poll += 1) {
      await world.clock.advance(60_000);
      await world.pass();
    }

    expect(refused).toEqual({ kind: 'requeue', afterMs: 100 });
    expect(world.reads).toBeGreaterThan(5);
    expect(world.store.written).toHaveLength(1);
    expect(world.object.status.subJobs?.length).toBeLessThan(10);
    expect(world.object.status.progress?.failed).toBe(64);
    expect(world.tooLarge).toEqual([true]);
  });

  it('however short is not written again until the object changes', async () => {
    const world = new ReconcilerWorld(cloudJob());
    world.reader.answers = [tells('Running', { subJobs })];
    world.store.troubles = ['tooLarge', 'tooLarge'];
    await world.pass();
    await world.clock.advance(1_000);

    const result = await world.pass();
    world.edit({ annotations: { note: '' } });
    await world.clock.advance(1_000);
    await world.pass();

    expect(result).toEqual({ kind: 'done' });
    expect(world.reader.forgotten).toEqual([KEY]);
    expect(world.tooLarge).toEqual([true, false]);
    expect(world.store.written.map((status) => status.subJobs?.length)).toEqual([64]);
  });
});
