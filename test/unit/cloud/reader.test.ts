import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobAnswer, Target } from '../../../src/cloud/client.js';
import type { CloudError } from '../../../src/cloud/errors.js';
import type { Observation } from '../../../src/cloud/observation.js';
import { JobReader } from '../../../src/cloud/reader.js';
import { growthPerTurn } from '../../support/heap.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { onAbort } from '../../../src/signals.js';
import type { Priority } from '../../../src/priority.js';

const NEVER = new AbortController().signal;
const RUNNING: JobAnswer = { kind: 'job', job: { phase: 'Running', extendParam: {}, subJobs: [] } };

function failure(error: Partial<CloudError>): JobAnswer {
  return { kind: 'error', error: { class: 'transient', message: 'x', ...error } };
}

function target(
  change: {
    jobID?: string;
    projectID?: string;
    region?: string;
    fingerprint?: string;
    signs?: boolean;
    accessKey?: string;
    owner?: string;
  } = {},
): Target {
  const {
    jobID = 'job-1',
    projectID = 'project-1',
    region = 'lab',
    fingerprint = 'f',
    signs = false,
    accessKey,
    owner,
  } = change;
  return {
    region: { name: region, cce: '', iam: '' },
    projectID,
    jobID,
    authenticator: {
      fingerprint,
      signs,
      ...(accessKey !== undefined && { keyFingerprint: accessKey }),
      ...(owner !== undefined && { owner }),
      headers: () => Promise.resolve({ ok: true, headers: {}, secrets: [], rejected: () => false }),
    },
  };
}

interface Call {
  readonly jobID: string;
  readonly signal: AbortSignal;
  readonly mayCall: () => boolean;
  end(answer: JobAnswer): void;
}

/** A reader whose calls stay under way until the test ends them, or are answered at once by `answer`. */
function setUp({
  requestsPerSecond = 100,
  burst = 100,
  replicas = 1,
  answer,
  onError = () => undefined,
}: {
  requestsPerSecond?: number;
  burst?: number;
  replicas?: number;
  answer?: (jobID: string) => JobAnswer;
  onError?: (error: CloudError, target: Target) => void;
} = {}) {
  const clock = new FakeClock();
  const calls: Call[] = [];
  const woken: string[] = [];
  const wokenHigh: string[] = [];
  const client = {
    async read(
      { jobID }: Target,
      signal: AbortSignal,
      mayCall: () => boolean = () => true,
    ): Promise<JobAnswer> {
      if (!mayCall()) return failure({ class: 'throttled', message: 'used up' });
      return new Promise<JobAnswer>((resolve) => {
        calls.push({ jobID, signal, mayCall, end: resolve });
        onAbort(signal, () => resolve(failure({})));
        if (answer !== undefined) resolve(answer(jobID));
      });
    },
  };
  const reader = new JobReader({
    client,
    clock,
    random: () => 0,
    budget: { requestsPerSecond, burst },
    replicas,
    freshMs: 2000,
    wake: (key, priority) => {
      woken.push(key);
      if (priority === 'high') wokenHigh.push(key);
    },
    onError,
  });
  const read = (
    key: string,
    of = target(),
    priority: Priority = 'low',
    signal = NEVER,
  ): Promise<Observation> => reader.read(key, of, priority, signal);
  return { clock, calls, woken, wokenHigh, reader, read };
}

describe('several CloudJobs on one job', () => {
  it('share the call that is under way', async () => {
    const { calls, read } = setUp();

    const readings = ['a', 'b', 'c'].map((key) => read(key));
    await settle();
    calls[0]?.end(RUNNING);

    expect(await Promise.all(readings)).toEqual([RUNNING, RUNNING, RUNNING]);
    expect(calls).toHaveLength(1);
  });

  it('are woken by a call of one of them, and each takes its result once without a call', async () => {
    const { calls, woken, reader, read } = setUp({ answer: () => RUNNING });
    await Promise.all([read('a'), read('b'), read('c')]);

    await read('b');
    expect(calls).toHaveLength(2);
    expect(woken).toEqual(['a', 'c']);
    expect(['a', 'b', 'c', 'd'].filter((key) => reader.hasSharedResult(key))).toEqual(['a', 'c']);
    expect([await read('a'), await read('c')]).toEqual([RUNNING, RUNNING]);
    expect(calls).toHaveLength(2);

    await read('a');
    expect(calls).toHaveLength(3);
  });

  it('get no shared result when somebody requests a poll now', async () => {
    const { calls, read } = setUp({ answer: () => RUNNING });
    await Promise.all([read('a'), read('b')]);
    await read('a');

    await read('b', target(), 'high');

    expect(calls).toHaveLength(3);
  });

  it('give somebody who waited for a slot the result of a call that was made meanwhile', async () => {
    const { clock, calls, woken, read } = setUp({ requestsPerSecond: 1, burst: 1, answer: () => RUNNING });
    await read('other', target({ jobID: 'job-2' }));
    for (const key of ['a', 'b', 'c']) expect((await read(key, target(), 'high')).kind).toBe('nothing');

    await clock.advance(1000);
    await read('a', target(), 'high');

    expect(woken).toEqual(['a', 'b', 'c']);
    expect([await read('b', target(), 'high'), await read('c', target(), 'high')]).toEqual([
      RUNNING,
      RUNNING,
    ]);
    expect(calls).toHaveLength(2);
  });

  it('do not share what has become old', async () => {
    const { clock, calls, reader, read } = setUp({ answer: () => RUNNING });
    await Promise.all([read('a'), read('b')]);
    await read('a');

    await clock.advance(2000);
    expect(reader.hasSharedResult('b')).toBe(false);
    await read('b');

    expect(calls).toHaveLength(3);
  });

  it.each([
    ['other jobs', { jobID: 'job-2' }],
    ['other projects', { projectID: 'project-2' }],
    ['other regions', { region: 'elsewhere' }],
    ['other credentials', { fingerprint: 'g' }],
  ])('share nothing with those of %s', async (_name, change) => {
    const { calls, woken, read } = setUp({ answer: () => RUNNING });

    await Promise.all([read('a'), read('b', target(change))]);

    expect(calls).toHaveLength(2);
    expect(woken).toEqual([]);
  });

  it('go on when one of them gives up, and the call ends when all have', async () => {
    const { calls, read } = setUp();
    const [one, other] = [new AbortController(), new AbortController()];
    const first = read('a', target(), 'low', one.signal);
    const second = read('b', target(), 'low', other.signal);
    await settle();

    one.abort();
    expect(await first).toEqual({ kind: 'nothing' });
    expect(calls[0]?.signal.aborted).toBe(false);
    other.abort();
    expect(await second).toEqual({ kind: 'nothing' });
    expect(calls[0]?.signal.aborted).toBe(true);

    const third = read('c');
    await settle();
    calls[1]?.end(RUNNING);
    expect(await third).toEqual(RUNNING);
  });

  it('are not woken any more once they are forgotten or follow another job', async () => {
    const { woken, reader, read } = setUp({ answer: () => RUNNING });
    await Promise.all([read('a'), read('b'), read('c')]);

    reader.forget('b');
    await read('c', target({ jobID: 'job-2' }));
    await read('a');

    expect(woken).toEqual([]);
  });
});

describe('a key is woken before others', () => {
  it('when it has a slot, which nobody else has until it comes', async () => {
    const { clock, wokenHigh, read } = setUp({ requestsPerSecond: 1, burst: 1, answer: () => RUNNING });
    await read('a');
    await read('b', target({ jobID: 'job-2' }));

    await clock.advance(1000);

    expect(wokenHigh).toEqual(['b']);
  });

  it('when somebody waits for what another one was answered', async () => {
    const { clock, wokenHigh, woken, read } = setUp({
      requestsPerSecond: 1,
      burst: 1,
      answer: () => RUNNING,
    });
    await read('other', target({ jobID: 'job-2' }));
    await read('a', target(), 'high');
    await read('b');
    await read('c', target(), 'high');

    await clock.advance(1000);
    await read('a', target(), 'high');

    expect(woken).toEqual(['a', 'b', 'c']);
    expect(wokenHigh).toEqual(['a', 'c']);
  });
});

describe('the budget', () => {
  it('makes a key wait, and wakes it when it has a slot', async () => {
    const { clock, calls, woken, read } = setUp({ requestsPerSecond: 1, burst: 1, answer: () => RUNNING });
    await read('a', target({ jobID: 'job-1' }));

    expect(await read('b', target({ jobID: 'job-2' }))).toEqual({ kind: 'nothing' });
    await clock.advance(1000);
    expect(woken).toEqual(['b']);
    expect(await read('b', target({ jobID: 'job-2' }))).toEqual(RUNNING);
    expect(calls).toHaveLength(2);
  });

  it('is one for each project of a region', async () => {
    const { read } = setUp({ requestsPerSecond: 1, burst: 1, answer: () => RUNNING });

    expect((await read('a')).kind).toBe('job');
    expect((await read('b', target({ projectID: 'project-2' }))).kind).toBe('job');
    expect((await read('c', target({ jobID: 'job-2' }))).kind).toBe('nothing');
  });

  it('is a part of the whole where other replicas have the rest, for projects known and new', async () => {
    const { clock, calls, woken, reader, read } = setUp({
      requestsPerSecond: 8,
      burst: 4,
      answer: () => RUNNING,
    });
    await read('known', target({ jobID: 'known' }));
    reader.setShare(0.5);

    const projects = ['project-1', 'new'];
    for (const projectID of projects) {
      for (let n = 0; n < 10; n += 1) await read(`${projectID}-${n}`, target({ projectID, jobID: `${n}` }));
    }
    const atOnce = calls.length - 1;
    let served = 0;
    for (let moment = 0; moment < 20; moment += 1) {
      await clock.advance(50);
      for (const key of woken.slice(served)) {
        const [, projectID = '', jobID = ''] = /^(.+)-(\d+)$/.exec(key) ?? [];
        await read(key, target({ projectID, jobID }));
        served += 1;
      }
    }

    expect(atOnce).toBe(2 * projects.length);
    expect(woken).toHaveLength(4 * projects.length);
  });

  it('holds back everybody until Retry-After has passed', async () => {
    const answers = [failure({ class: 'throttled', status: 429, retryAfterMs: 56_818 }), RUNNING];
    const { clock, calls, woken, read } = setUp({ answer: () => answers.shift() ?? RUNNING });
    await read('a');

    expect(await read('b', target({ jobID: 'job-2' }), 'high')).toEqual({ kind: 'nothing' });
    await clock.advance(56_817);
    expect(woken).toEqual([]);
    await clock.advance(1);
    expect(woken).toEqual(['b']);
    expect(calls).toHaveLength(1);
  });

  it('counts second calls of one read, and allows none while it is paused', async () => {
    const { calls, read } = setUp({ requestsPerSecond: 1, burst: 2 });
    const first = read('a');
    await settle();

    expect(calls[0]?.mayCall()).toBe(true);
    expect(calls[0]?.mayCall()).toBe(false);
    calls[0]?.end(RUNNING);
    await first;
  });
});

describe('the breaker of a region', () => {
  it('stops calls after failures in a row, reports the cause, and tries again with one probe', async () => {
    let answer = failure({ status: 503, message: 'HTTP 503' });
    const { clock, calls, read } = setUp({ answer: () => answer });
    for (let n = 0; n < 40; n += 1) await read(`key-${n}`, target({ jobID: `job-${n}` }));
    expect(calls).toHaveLength(5);
    expect(await read('a')).toMatchObject({
      error: { class: 'transient', message: 'HTTP 503', retryAfterMs: 10_000 },
    });

    await clock.advance(10_000);
    answer = RUNNING;
    expect(await read('a')).toEqual(RUNNING);
    expect(await read('b')).toEqual(RUNNING);
  });

  it('stops calls later with credentials that have worked, because some of the calls may succeed', async () => {
    let answer: JobAnswer = RUNNING;
    const { calls, read } = setUp({ answer: () => answer });
    await read('a');

    answer = failure({ status: 503, message: 'HTTP 503' });
    for (let n = 0; n < 40; n += 1) await read(`key-${n}`, target({ jobID: `job-${n}` }));

    expect(calls).toHaveLength(1 + 30);
  });

  it.each(['transient', 'throttled'] as const)(
    'and the budget do not care for IAM, which has its own (%s)',
    async (errorClass) => {
      const iam = failure({ class: errorClass, status: 503, retryAfterMs: 30_000, local: true });
      const { calls, read } = setUp({ answer: () => iam });

      for (let n = 0; n < 20; n += 1) await read(`key-${n}`, target({ jobID: `job-${n}` }));

      expect(calls).toHaveLength(20);
    },
  );

  it('does not care for answers that show that the region works', async () => {
    const { calls, read } = setUp({ answer: () => failure({ class: 'notFound', status: 404 }) });

    for (let n = 0; n < 20; n += 1) await read(`key-${n}`, target({ jobID: `job-${n}` }));

    expect(calls).toHaveLength(20);
  });
});

describe('the breaker of a credential', () => {
  const rejected = failure({ class: 'unauthorized', status: 401, message: 'bad signature' });

  it('never lets more than three signatures in a row fail, however many jobs are read at once', async () => {
    const { calls, woken, read } = setUp();
    const readings = Array.from({ length: 50 }, (_, n) =>
      read(`key-${n}`, target({ jobID: `job-${n}`, signs: true })),
    );
    await settle();
    expect(calls).toHaveLength(3);

    for (const call of calls) call.end(rejected);
    await settle();
    for (let turn = 0; turn < woken.length; turn += 1) {
      const n = woken[turn]?.slice(4);
      await read(`key-${n}`, target({ jobID: `job-${n}`, signs: true }));
    }

    expect((await Promise.all(readings)).filter(({ kind }) => kind === 'error')).toHaveLength(3);
    expect(calls).toHaveLength(3);
    expect(new Set(woken).size).toBe(47);
    // Without a time to wait: the key may be renewed at any moment.
    const held = await read('key-9', target({ jobID: 'job-9', signs: true }));
    expect(held).toMatchObject({
      error: { class: 'unauthorized', message: expect.stringMatching(/held back/) },
    });
    expect(held).not.toHaveProperty('error.retryAfterMs');
  });

  it.each([
    [1, 3],
    [2, 2],
    [3, 1],
    [5, 1],
  ])('of each of %i replicas lets %i fail, so that all together never lock a key', async (replicas, each) => {
    const { calls, read } = setUp({ replicas, answer: () => rejected });

    for (let n = 0; n < 10; n += 1) await read('a', target({ signs: true }));

    expect(calls).toHaveLength(each);
    expect(each * replicas).toBeLessThanOrEqual(5);
  });

  it('stays closed longer than the cloud locks a key, and lets other credentials pass', async () => {
    const { clock, calls, read } = setUp({ answer: () => rejected });
    for (let n = 0; n < 4; n += 1) await read('a', target({ signs: true }));
    await clock.advance(300_000);
    await read('a', target({ signs: true }));
    expect(calls).toHaveLength(3);

    await read('a', target({ signs: true, fingerprint: 'rotated' }));
    expect(calls).toHaveLength(4);
  });

  it('opens at once when the cloud says that the key is locked', async () => {
    const { calls, read } = setUp({
      answer: () => failure({ class: 'unauthorized', status: 401, retryAfterMs: 300_000 }),
    });

    for (let n = 0; n < 4; n += 1) await read('a', target({ signs: true }));

    expect(calls).toHaveLength(1);
  });

  it('counts one access key together, with however many secret keys it is tried', async () => {
    const { calls, woken, read } = setUp();
    const of = (n: number): Target =>
      target({
        jobID: `job-${n}`,
        signs: true,
        fingerprint: `secret-${n % 3}`,
        accessKey: 'AK',
        owner: `tenant-${n % 3}`,
      });
    const readings = Array.from({ length: 9 }, (_, n) => read(`key-${n}`, of(n)));
    await settle();
    expect(calls).toHaveLength(5);

    for (const call of calls) call.end(rejected);
    await Promise.all(readings);
    await settle();
    const held = [];
    for (let turn = 0; turn < woken.length; turn += 1) {
      const n = Number(woken[turn]?.slice(4));
      held.push(await read(`key-${n}`, of(n)));
    }

    expect(held).toHaveLength(4);
    for (const one of held) expect(one).toMatchObject({ error: { class: 'unauthorized' } });
    expect(calls).toHaveLength(5);
  });

  it('tries the right secret key of an access key at once, after a wrong one', async () => {
    let answer = rejected;
    const { calls, read } = setUp({ answer: () => answer });
    const of = (fingerprint: string): Target => target({ signs: true, fingerprint, accessKey: 'AK' });
    for (let n = 0; n < 4; n += 1) await read('a', of('wrong'));
    expect(calls).toHaveLength(3);

    answer = RUNNING;

    expect(await read('a', of('right'))).toEqual(RUNNING);
  });

  it('is one for all CloudJobs of a token, which then costs a call now and then', async () => {
    const { clock, calls, woken, read } = setUp({ answer: () => rejected });

    for (let second = 0; second < 300; second += 5) {
      for (let n = 0; n < 200; n += 1) await read(`key-${n}`, target({ jobID: `job-${n}` }));
      woken.length = 0;
      await clock.advance(5000);
    }

    expect(calls.length).toBeLessThanOrEqual(8);
  });

  it('lets calls with a token that works go on at the same time', async () => {
    const { calls, read } = setUp();
    const first = read('first');
    await settle();
    calls[0]?.end(RUNNING);
    await first;

    for (let n = 0; n < 20; n += 1) void read(`key-${n}`, target({ jobID: `job-${n}` }));
    await settle();

    expect(calls).toHaveLength(21);
  });

  it('is open no longer when the Secret has other credentials, or none', async () => {
    const { reader, read } = setUp({ answer: () => rejected });
    for (let n = 0; n < 4; n += 1) await read('a', target({ signs: true }));
    for (let n = 0; n < 4; n += 1) await read('b', target({ fingerprint: 'token' }));
    expect(reader.openCredentials).toBe(2);

    await read('a', target({ signs: true, fingerprint: 'mended' }));
    expect(reader.openCredentials).toBe(1);
    reader.forget('b');

    expect(reader.openCredentials).toBe(0);
  });

  it('wakes those who wait for it one after the other, and loses none', async () => {
    const { calls, woken, read } = setUp();
    const seen = new Set<string>();
    const poll = (key: string): void => {
      void read(key, target({ jobID: key, signs: true })).then(({ kind }) => kind === 'job' && seen.add(key));
    };
    for (let n = 0; n < 20; n += 1) poll(`job-${n}`);

    for (let ended = 0; ended < 20; ended += 1) {
      await settle();
      for (const key of woken.splice(0)) poll(key);
      await settle();
      calls[ended]?.end(RUNNING);
    }
    await settle();

    expect(seen.size).toBe(20);
  });
});

describe('an access key that a stranger knows', () => {
  const rejected = failure({ class: 'unauthorized', status: 401 });
  const locked = failure({ class: 'unauthorized', status: 401, retryAfterMs: 300_000 });
  const victim = target({ signs: true, fingerprint: 'right', accessKey: 'AK', owner: 'victim' });
  const stranger = (n: number): Target =>
    target({
      jobID: `${n}`,
      signs: true,
      fingerprint: `wrong-${n}`,
      accessKey: 'AK',
      owner: 'stranger',
      projectID: 'elsewhere',
    });

  /** Whether each call was made with the right secret key; the cloud's own count of failures in a row is checked. */
  function setUpCloud() {
    const signed: boolean[] = [];
    const world = setUp({
      answer: (jobID) => {
        signed.push(jobID === 'job-1');
        return jobID === 'job-1' ? RUNNING : rejected;
      },
    });
    const failuresInARow = (): number =>
      Math.max(...signed.map((_, first) => [...signed.slice(first), true].indexOf(true)));
    return { ...world, signed, failuresInARow };
  }

  it.each([
    ['after them', 0],
    ['before them', 300],
  ])('is polled as before by its owner, who came %s, and never locked', async (_name, headStart) => {
    const { clock, signed, failuresInARow, read } = setUpCloud();
    const polls = { made: 0, good: 0 };
    for (let second = -headStart; second < 1200; second += 5) {
      // New secret keys all the time, as if the Secret was edited.
      for (let n = 0; n < 5; n += 1) await read(`stranger/${n}`, stranger(second * 10 + n));
      if (second >= 0 && second % 10 === 0) {
        polls.made += 1;
        if ((await read('victim/a', victim)).kind === 'job') polls.good += 1;
      }
      await clock.advance(5000);
    }

    expect(polls.good).toBe(polls.made);
    expect(failuresInARow()).toBeLessThanOrEqual(5);
    expect(signed.filter((right) => right)).toHaveLength(polls.made);
  });

  it('is tried first by its owner, and alone, after the cloud has locked it', async () => {
    let answer: JobAnswer = RUNNING;
    const { clock, calls, read } = setUp();
    const end = async (reading: Promise<Observation>): Promise<Observation> => {
      await settle();
      for (const call of calls.splice(0)) call.end(answer);
      return reading;
    };
    await end(read('victim/a', victim));
    answer = locked;
    await end(read('stranger/1', stranger(1)));
    expect(await read('victim/a', victim)).toMatchObject({ error: { class: 'unauthorized' } });

    await clock.advance(330_000);
    expect(await read('stranger/2', stranger(2))).toMatchObject({ error: { class: 'unauthorized' } });
    const probe = read('victim/a', victim);
    const another = read('victim/b', { ...victim, jobID: 'job-2' });
    await settle();
    expect(calls).toHaveLength(1);
    expect(await another).toEqual({ kind: 'nothing' });

    answer = RUNNING;
    expect(await end(probe)).toEqual(RUNNING);
  });

  it('is not held back for longer each time that the cloud locks it', async () => {
    let answer: JobAnswer = RUNNING;
    const { clock, read } = setUp({ answer: () => answer });
    await read('victim/a', victim);
    answer = locked;
    for (let time = 0; time < 6; time += 1) {
      await read('victim/a', victim);
      await clock.advance(330_000);
    }

    answer = RUNNING;

    expect(await read('victim/a', victim)).toEqual(RUNNING);
  });
});

describe('a tenant whose calls fail', () => {
  const good = target({ fingerprint: 'good' });

  it.each([
    ['503', failure({ status: 503 })],
    ['429', failure({ class: 'throttled', status: 429, retryAfterMs: 60_000 })],
    ['no answer', failure({})],
  ])('with %s keeps nobody else of the project waiting', async (_name, error) => {
    const { clock, read } = setUp({ answer: (jobID) => (jobID === 'job-1' ? RUNNING : error) });
    for (let second = 0; second < 240; second += 10) {
      for (let n = 0; n < 30; n += 1) {
        await read(`bad-${n}`, target({ jobID: `bad-${n}`, fingerprint: `bad-${n % 10}` }), 'high');
      }

      expect(await read('good', good)).toEqual(RUNNING);
      await clock.advance(10_000);
    }
  });

  it('is not shown to others in the error of a project that is held back', async () => {
    const { read } = setUp({
      answer: () => failure({ status: 503, code: 'X.1', message: 'job of A failed' }),
    });
    for (let n = 0; n < 90; n += 1)
      await read(`a-${n}`, target({ fingerprint: `a-${n % 3}`, jobID: `a-${n}` }));

    const second = await read('b', target({ fingerprint: 'b' }));

    expect(second).toMatchObject({
      error: {
        message: expect.stringMatching(
          /^calls to project project-1 in region lab are held back .* at most 60 s/,
        ),
        retryAfterMs: 10_000,
      },
    });
    expect(JSON.stringify(second)).not.toMatch(/job of A|X\.1/);
  });

  it('opens the breaker of the region only when several projects fail, and none works', async () => {
    let works = true;
    const { reader, read } = setUp({
      answer: (jobID) => (works && jobID === 'job-1' ? RUNNING : failure({ status: 503 })),
    });
    const failAll = async (): Promise<void> => {
      for (let n = 0; n < 270; n += 1) {
        const change = { projectID: `p-${n % 3}`, fingerprint: `f-${n % 9}`, jobID: `bad-${n}` };
        await read(`bad-${n}`, target(change));
      }
    };
    await read('good', good);
    await failAll();
    expect(reader.regions().get('lab')).toMatchObject({ open: false });

    works = false;
    await read('good', good);

    expect(reader.regions().get('lab')).toMatchObject({ open: true });
    expect(await read('new', target({ projectID: 'new', fingerprint: 'new' }))).toMatchObject({
      error: { message: expect.stringMatching(/^calls to region lab are held back/) },
    });
  });
});

describe('a slow region', () => {
  it('has no more than half of the calls at a time, and its keys wait for room without a worker', async () => {
    const { calls, woken, read } = setUp();
    const slow = (n: number): Target => target({ jobID: `slow-${n}`, projectID: `p-${n % 7}`, signs: false });
    const readings = [];
    const proven = [...Array(7).keys()].map((n) => read(`first-${n}`, slow(n)));
    await settle();
    for (const call of calls.splice(0)) call.end(RUNNING);
    await Promise.all(proven);
    for (let n = 0; n < 300; n += 1) readings.push(read(`slow-${n}`, slow(n)));
    await settle();
    expect(calls).toHaveLength(32);

    for (let n = 0; n < 5; n += 1) void read(`other-${n}`, target({ region: `other-${n}`, jobID: `o-${n}` }));
    await settle();
    expect(calls).toHaveLength(37);

    calls[0]?.end(RUNNING);
    await settle();
    expect(woken).toHaveLength(1);
  });

  it('does not keep a worker for each CloudJob of one job', async () => {
    const { calls, woken, reader, read } = setUp();
    const ended: string[] = [];
    for (let n = 0; n < 300; n += 1) {
      void read(`key-${n}`).then(({ kind }) => ended.push(kind));
    }
    await settle();
    expect(calls).toHaveLength(1);
    expect(ended).toHaveLength(300 - 32);

    calls[0]?.end(RUNNING);
    await settle();
    expect(woken).toHaveLength(300 - 32);
    expect(reader.hasSharedResult('key-299')).toBe(true);
  });

  it('loses no CloudJob of a job when those give up that wait for its answer', async () => {
    const { woken, read } = setUp();
    const aborted = new AbortController();
    for (let n = 0; n < 40; n += 1) void read(`key-${n}`, target(), 'low', aborted.signal);
    await settle();

    aborted.abort();
    await settle();

    expect(woken).toHaveLength(40 - 32);
  });
});

describe('failed polls', () => {
  it('are reported with all that a log needs, those without a call included', async () => {
    const errors: unknown[] = [];
    const error = { class: 'transient', message: 'HTTP 500', status: 500, requestID: 'r-1' } as const;
    const { read } = setUp({
      answer: () => ({ kind: 'error', error }),
      onError: (...args) => errors.push(args),
    });

    await read('a');

    expect(errors).toEqual([[error, expect.objectContaining({ jobID: 'job-1', projectID: 'project-1' })]]);
  });
});

describe('whatever happens', () => {
  it('every key that wants a read gets one, and nothing is left over', async () => {
    const errors = [
      failure({ status: 500 }),
      failure({ class: 'throttled', status: 429 }),
      failure({ class: 'throttled', status: 429, retryAfterMs: 3000 }),
      failure({ class: 'unauthorized', status: 401 }),
      failure({ class: 'notFound', status: 404 }),
      failure({}),
    ];
    const step = fc.record({
      key: fc.nat(15),
      job: fc.nat(4),
      signs: fc.boolean(),
      urgent: fc.boolean(),
      forget: fc.nat(9).map((n) => n === 0),
      passMs: fc.nat(2000),
      answer: fc.option(fc.nat(errors.length - 1), { freq: 2 }),
    });

    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
        let answer: JobAnswer = RUNNING;
        const { clock, woken, reader, read } = setUp({
          requestsPerSecond: 1,
          burst: 2,
          answer: () => answer,
        });
        const waiting = new Map<string, Target>();
        const poll = async (key: string, of: Target, priority: Priority): Promise<void> => {
          const { kind } = await read(key, of, priority);
          if (kind === 'nothing') waiting.set(key, of);
          else waiting.delete(key);
        };
        const lookAgain = async (): Promise<void> => {
          for (const key of woken.splice(0)) {
            const of = waiting.get(key);
            if (of !== undefined) await poll(key, of, 'low');
          }
        };
        for (const { key, job, signs, urgent, forget, passMs, answer: error } of steps) {
          answer = error === null ? RUNNING : (errors[error] ?? RUNNING);
          if (forget) {
            reader.forget(`${key}`);
            waiting.delete(`${key}`);
          } else {
            await poll(`${key}`, target({ jobID: `job-${job}`, signs }), urgent ? 'high' : 'low');
          }
          await clock.advance(passMs);
          await lookAgain();
        }

        answer = RUNNING;
        for (let round = 0; round < 200 && waiting.size > 0; round += 1) {
          await clock.advance(5000);
          await lookAgain();
        }

        expect([...waiting.keys()]).toEqual([]);
        await clock.advance(60_000);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('nothing is left on a signal that outlives many reads, and no memory is', async () => {
    const { reader } = setUp({ answer: () => RUNNING });
    const { signal } = new AbortController();

    const bytes = await growthPerTurn(2_000, async () => {
      await Promise.all(['a', 'b'].map((key) => reader.read(key, target(), 'low', signal)));
      for (const key of ['a', 'b']) reader.forget(key);
    });

    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(bytes).toBeLessThan(300);
  });

  it('nothing is called and nobody is woken after it is closed', async () => {
    const { clock, calls, woken, reader, read } = setUp({ requestsPerSecond: 1, burst: 1 });
    const reading = read('a');
    await read('b', target({ jobID: 'job-2' }));

    reader.close();
    await reading;
    await clock.advance(60_000);

    expect(calls[0]?.signal.aborted).toBe(true);
    expect(woken).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
