import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ListAnswer, Target } from '../../../src/cloud/client.js';
import type { CloudErrorClass } from '../../../src/cloud/errors.js';
import type { Job, Observation } from '../../../src/cloud/job.js';
import { CloudReader, type Reading } from '../../../src/cloud/reader.js';
import { FakeClock, settle } from '../../support/fakeClock.js';

const NEVER = new AbortController().signal;
const FRESH_MS = 4_000;
const KEYS = Array.from({ length: 10 }, (_, index) => `job-${index}`);
const HOUR = 3_600_000;

/** More than `JSON.stringify` can follow. */
const TOO_DEEP = nested(9_000);

type Shown = (jobID: string, state: string) => unknown;

/** A job in the form of the v2 list, with one sub-job. */
const inFull: Shown = (uid, state) => ({
  kind: 'Job',
  metadata: { uid },
  spec: { type: 'CreateNode', subjobs: [{ metadata: { uid: `${uid}-a` }, status: { status: state } }] },
  status: { status: 'Running' },
});

function error(errorClass: CloudErrorClass, status?: number): ListAnswer {
  return {
    kind: 'error',
    error: { class: errorClass, message: 'no', ...(status === undefined ? {} : { status }) },
  };
}

/**
 * Ten CloudJobs that poll one project in turn, each every four seconds, with a reader whose cloud answers at once: of each
 * job with its state, and the list with what `shows` makes of them.
 */
class Project {
  readonly clock = new FakeClock();
  readonly states = new Map(KEYS.map((key) => [key, 'Running']));
  /** Calls so far: the job's ID, or `list`. */
  readonly calls: string[] = [];
  /** What the polls ended with. */
  readonly told: { readonly key: string; readonly kind: 'same' | 'job' | 'error' | 'waiting' }[] = [];
  readonly woken: string[] = [];
  readonly known = new Map<string, string>();
  shows: Shown = inFull;
  list: (() => Promise<ListAnswer> | ListAnswer) | undefined;
  listSignal: AbortSignal | undefined;
  fingerprint = 'f';
  /** What a look shows of a job in that state. */
  subJobs: (state: string) => readonly Job[] = (state) => [subJob(state)];
  /** Looks at a job at any moment of a call's. */
  stateOf = (jobID: string): string => this.states.get(jobID) ?? '';
  readonly reader: CloudReader;
  #turn = 0;

  constructor(budget = { requestsPerSecond: 100, burst: 100 }) {
    this.reader = new CloudReader({
      client: {
        read: async ({ jobID }, _signal, mayCall): Promise<Observation> => {
          if (mayCall?.() === false)
            return { kind: 'error', error: { class: 'transient', message: 'x', local: true } };
          this.calls.push(jobID);
          const state = this.stateOf(jobID);
          const job = { phase: 'Running', extendParam: {}, subJobs: this.subJobs(state) };
          return { kind: 'job', job, digest: digestOf(state) };
        },
        list: async (_target, _maxBytes, signal, mayCall): Promise<ListAnswer> => {
          if (mayCall?.() === false)
            return { kind: 'error', error: { class: 'transient', message: 'x', local: true } };
          this.calls.push('list');
          this.listSignal = signal;
          if (this.list !== undefined) return this.list();
          return { kind: 'list', entries: KEYS.map((key) => this.shows(key, this.stateOf(key))) };
        },
      },
      clock: this.clock,
      random: () => 0,
      budget,
      freshMs: FRESH_MS,
      wake: (key) => this.woken.push(key),
    });
  }

  target(jobID: string): Target {
    const { fingerprint } = this;
    return {
      region: { name: 'lab', cce: '', iam: '' },
      projectID: 'p',
      jobID,
      authenticator: {
        fingerprint,
        signs: false,
        headers: () => Promise.resolve({ ok: true, headers: {}, secrets: [], rejected: () => false }),
      },
    };
  }

  /** As a reconciler does: again when it is woken after it had to wait. */
  async poll(key: string): Promise<string> {
    let reading = await this.#ask(key);
    if (reading.kind === 'waiting') {
      await settle();
      if (this.woken.includes(key)) reading = await this.#ask(key);
    }
    const kind = reading.kind === 'unchanged' ? 'same' : reading.kind;
    if (reading.kind === 'job') this.known.set(key, stateIn(reading.digest));
    this.told.push({ key, kind });
    return kind;
  }

  async #ask(key: string): Promise<Reading | { readonly kind: 'unchanged' }> {
    const target = this.target(key);
    const known = this.known.get(key);
    const listed = known === undefined ? 'unknown' : this.reader.unchanged(key, target, digestOf(known));
    return listed === 'unknown' ? this.reader.read(key, target, 'low', NEVER) : { kind: listed };
  }

  /** Lets so many seconds pass, with all polls that fall due. */
  async run(seconds: number): Promise<void> {
    for (let step = 0; step < seconds / 0.4; step += 1) {
      await this.clock.advance(400);
      await this.poll(KEYS[(this.#turn += 1) % KEYS.length] ?? '');
    }
  }

  /** What comes about in that time: calls for the list, for single jobs, and polls without a call. */
  async during(seconds: number): Promise<{ lists: number; looks: number; same: number }> {
    const [calls, told] = [this.calls.length, this.told.length];
    await this.run(seconds);
    const made = this.calls.slice(calls);
    return {
      lists: made.filter((call) => call === 'list').length,
      looks: made.filter((call) => call !== 'list').length,
      same: this.told.slice(told).filter(({ kind }) => kind === 'same').length,
    };
  }
}

const DIGEST = 'digest of ';

function digestOf(state: string): string {
  return `${DIGEST}${state}`;
}

function stateIn(digest = ''): string {
  return digest.slice(DIGEST.length);
}

function subJob(phase: string, subJobs: readonly Job[] = []): Job {
  return { phase, extendParam: {}, subJobs };
}

/** A project whose jobs are known and whose list is trusted. */
async function warm(budget?: { requestsPerSecond: number; burst: number }): Promise<Project> {
  const project = new Project(budget);
  await project.run(30);
  return project;
}

describe('the list of a project', () => {
  it('stands in for the looks at jobs that do not change', async () => {
    const project = await warm();

    expect(await project.during(60)).toEqual({ lists: 14, looks: 13, same: 137 });
  });

  it('is not asked for when too few polls are due, nor for the first looks', async () => {
    const project = new Project();
    for (const key of KEYS) await project.poll(key);
    for (let round = 0; round < 50; round += 1) {
      await project.clock.advance(1_500);
      await project.poll(KEYS[round % KEYS.length] ?? '');
    }

    expect(project.calls).not.toContain('list');
  });

  it('is nothing to somebody who waits for a look', async () => {
    const project = await warm();
    const calls = project.calls.length;

    for (const key of KEYS) {
      const reading = await project.reader.read(key, project.target(key), 'high', NEVER);
      expect(reading.kind).toBe('job');
    }
    expect(project.calls.slice(calls)).toEqual(KEYS);
  });

  it('wakes whoever follows a job that has changed, who then looks until it is quiet again', async () => {
    const project = await warm();
    project.states.set('job-3', 'Success');
    project.woken.length = 0;

    await project.run(4);
    const stirred = project.woken.filter((key) => key === 'job-3').length > 0;
    const looks = (): number => project.calls.filter((call) => call === 'job-3').length;
    const before = looks();
    await project.run(30);

    expect(stirred).toBe(true);
    expect(project.known.get('job-3')).toBe('Success');
    expect(looks() - before).toBeLessThanOrEqual(4);
    const then = looks();
    await project.run(40);
    expect(looks()).toBe(then);
  });

  it('counts as a reason to look before the time', async () => {
    const project = await warm();
    project.states.set('job-3', 'Success');
    expect(project.reader.hasNews('job-3')).toBe(false);
    for (let step = 0; step < 12 && !project.reader.hasNews('job-3'); step += 1) {
      await project.clock.advance(400);
      await project.poll('job-4');
    }

    expect(project.reader.hasNews('job-3')).toBe(true);
    await project.poll('job-3');
    expect(project.reader.hasNews('job-3')).toBe(false);
  });

  it('does not spare a job a look every minute', async () => {
    const project = await warm();

    expect(await project.during(600)).toEqual({ lists: 137, looks: 127, same: 1_373 });
  });

  it('is asked for anew with another credential, and tells nothing until it has proven itself', async () => {
    const project = await warm();
    project.fingerprint = 'g';
    const told = project.told.length;
    await project.run(4);

    expect(project.told.slice(told).every(({ kind }) => kind === 'job')).toBe(true);
  });

  it('keeps to the budget, and leaves most of it to looks until it saves some', async () => {
    const project = new Project({ requestsPerSecond: 1, burst: 1 });
    project.list = () => ({ kind: 'list', entries: [] });
    const { lists, looks } = await project.during(120);

    expect(lists + looks).toBeLessThanOrEqual(121);
    expect(lists).toBeGreaterThan(0);
    expect(looks).toBeGreaterThanOrEqual(4 * (lists - 1));
  });

  it('holds up nobody who has another question while it is under way', async () => {
    const project = await warm();
    project.list = () => new Promise<ListAnswer>(() => undefined);
    for (let step = 0; step < 12; step += 1) {
      await project.clock.advance(400);
      await project.poll(KEYS[step % KEYS.length] ?? '');
    }

    expect(project.told.at(-1)?.kind).toBe('waiting');
    expect((await project.reader.read('new', project.target('new'), 'low', NEVER)).kind).toBe('job');
    expect((await project.reader.read('job-1', project.target('job-1'), 'high', NEVER)).kind).toBe('job');
    expect(project.calls.filter((call) => call === 'list').length).toBeGreaterThan(0);
  });

  it('is given up with the reader, which then wakes nobody', async () => {
    const project = await warm();
    let end: (answer: ListAnswer) => void = () => undefined;
    project.list = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    await project.run(8);
    project.woken.length = 0;

    project.reader.close();
    end({ kind: 'list', entries: [] });
    await settle();

    expect(project.listSignal?.aborted).toBe(true);
    expect(project.woken).toEqual([]);
  });

  it('wakes nobody who has left while it was under way', async () => {
    const project = await warm();
    let end: (answer: ListAnswer) => void = () => undefined;
    project.list = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    await project.run(8);
    project.woken.length = 0;
    for (const key of KEYS.slice(1)) project.reader.forget(key);
    end({ kind: 'list', entries: [] });
    await settle();

    expect(new Set(project.woken)).toEqual(new Set(['job-0']));
  });
});

describe('a list that is of no use', () => {
  it.each([
    ['misconfigured', 404],
    ['forbidden', 403],
    ['notFound', 404],
    ['malformed', 200],
  ] as const)('(%s) is asked for once, and nothing else changes', async (errorClass, status) => {
    const project = new Project();
    project.list = () => error(errorClass, status);

    expect(await project.during(200)).toEqual({ lists: 1, looks: 500, same: 0 });
    expect([...project.reader.regions().values()]).toMatchObject([{ open: false, waiting: 0 }]);
  });

  it('that throws, which none should, is given up as well', async () => {
    const project = new Project();
    project.list = () => Promise.reject(new Error('a bug'));

    expect(await project.during(60)).toEqual({ lists: 1, looks: 150, same: 0 });
  });

  it('is tried again after an hour', async () => {
    const project = new Project();
    project.list = () => error('misconfigured', 404);
    await project.run(20);
    await project.clock.advance(HOUR - 60_000);
    expect(await project.during(20)).toMatchObject({ lists: 0 });
    await project.clock.advance(60_000);
    expect(await project.during(20)).toMatchObject({ lists: 1 });
  });

  it.each(['transient', 'unauthorized'] as const)(
    'for the moment (%s) is tried again a minute later',
    async (errorClass) => {
      const project = new Project();
      project.list = () => error(errorClass, errorClass === 'transient' ? 503 : 401);
      const { lists, looks } = await project.during(300);

      expect(lists).toBeGreaterThanOrEqual(4);
      expect(lists).toBeLessThanOrEqual(6);
      expect(looks).toBe(750);
    },
  );

  it('because the cloud refuses for the number of calls holds back the looks, too', async () => {
    const project = await warm();
    project.list = () => error('throttled', 429);
    await project.run(8);
    const calls = project.calls.length;

    expect(await project.during(30)).toEqual({ lists: 0, looks: 0, same: 0 });
    expect(project.calls).toHaveLength(calls);
  });

  it.each([
    ['leaves the jobs out', () => []],
    ['is of other things', () => [null, 7, 'x', [], {}, { kind: 'Job' }, { metadata: { uid: 7 } }, TOO_DEEP]],
    ['has each job twice', () => [...KEYS, ...KEYS].map((key) => inFull(key, 'Running'))],
    [
      'leaves the sub-jobs out',
      () => KEYS.map((uid) => ({ metadata: { uid }, status: { status: 'Running' } })),
    ],
    ['shows something else each time', (turn: number) => KEYS.map((key) => inFull(key, `Running ${turn}`))],
  ])('because it %s is given up in the end', async (_name, entries) => {
    const project = new Project();
    let turn = 0;
    project.list = () => ({ kind: 'list', entries: entries((turn += 1)) });

    expect(await project.during(200)).toEqual({ lists: 30, looks: 500, same: 0 });
  });

  it('because it shows jobs that nest too deep tells nothing', async () => {
    const project = new Project();
    project.shows = (uid, state) =>
      Object.assign({}, inFull(uid, state), uid === 'job-1' ? { x: TOO_DEEP } : {});
    await project.run(30);

    const same = new Set(project.told.filter(({ kind }) => kind === 'same').map(({ key }) => key));
    expect(same).toEqual(new Set(KEYS.filter((key) => key !== 'job-1')));
  });

  it('because it never changes is seen through within a minute, and given up', async () => {
    const project = await warm();
    const entries = KEYS.map((key) => project.shows(key, project.stateOf(key)));
    project.list = () => ({ kind: 'list', entries });
    project.states.set('job-3', 'Success');
    await project.run(64);
    expect(project.known.get('job-3')).toBe('Success');
    await project.run(12);

    expect(await project.during(600)).toEqual({ lists: 0, looks: 1_500, same: 0 });
  });

  it('because it has never shown a sub-job does not tell that there is none', async () => {
    const project = new Project();
    project.shows = (uid) => ({ metadata: { uid }, status: { status: 'Running' } });
    project.subJobs = () => [];
    await project.run(60);

    expect(project.told.filter(({ kind }) => kind === 'same')).toEqual([]);
  });

  it('because it leaves out a level of sub-jobs costs no more than a minute, once', async () => {
    const project = await warm();
    project.subJobs = (state) => [subJob('Running', state === 'Running' ? [] : [subJob(state)])];
    project.shows = (uid) => inFull(uid, 'Running');
    await project.run(120);
    for (const key of KEYS) project.states.set(key, 'Failed');
    await project.run(64.4);

    expect(new Set(project.known.values())).toEqual(new Set(['Failed']));
    await project.run(12);
    expect(await project.during(60)).toMatchObject({ lists: 0, same: 0 });
  });
});

describe('whatever happens, and however late list and looks show it', () => {
  const change = fc.record({
    at: fc.integer({ min: 0, max: 120 }),
    key: fc.constantFrom('job-1', 'job-2', 'job-3'),
    state: fc.constantFrom('A', 'B', 'C'),
  });

  it.each([
    ['not late', 0, 0],
    ['the list late', 6, 0],
    ['the looks late', 0, 6],
  ])('a job is never called the same for longer than it was (%s)', async (_name, listLag, lookLag) => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
        const project = new Project();
        const stateAt = (key: string, seconds: number): string =>
          changes
            .filter((one) => one.key === key && one.at <= seconds)
            .toSorted((a, b) => a.at - b.at)
            .at(-1)?.state ?? 'A';
        const now = (): number => project.clock.monotonic() / 1000;
        project.stateOf = (key) => stateAt(key, now() - lookLag);
        project.list = () => ({
          kind: 'list',
          entries: KEYS.map((key) => inFull(key, stateAt(key, now() - listLag))),
        });

        for (let step = 0; step < 350; step += 1) {
          await project.clock.advance(400);
          const key = KEYS[step % KEYS.length] ?? '';
          if ((await project.poll(key)) !== 'same') continue;
          const from = now() - FRESH_MS / 1000 - Math.max(listLag, lookLag);
          const states = [from, ...changes.map(({ at }) => at).filter((at) => at > from && at <= now())];
          expect(states.map((at) => stateAt(key, at))).toContain(project.known.get(key));
        }
        // Two rounds after the last change everybody knows the truth.
        for (const key of KEYS) expect(project.known.get(key)).toBe(stateAt(key, now()));
      }),
      { numRuns: 6 },
    );
  });
});

function nested(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level += 1) value = { x: value };
  return value;
}
