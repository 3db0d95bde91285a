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
  } = {},
): Target {
  const {
    jobID = 'job-1',
    projectID = 'project-1',
    region = 'lab',
    fingerprint = 'f',
    signs = false,
    accessKey,
  } = change;
  return {
    region: { name: region, cce: '', iam: '' },
    projectID,
    jobID,
    authenticator: {
      fingerprint,
      signs,
      ...(accessKey === undefined ? {} : { keyFingerprint: accessKey }),
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
    for (let n = 0; n < 8; n += 1) await read(`key-${n}`, target({ jobID: `job-${n}` }));
    expect(calls).toHaveLength(5);
    expect(await read('a')).toMatchObject({
      error: { class: 'transient', message: 'HTTP 503', retryAfterMs: 10_000 },
    });

    await clock.advance(10_000);
    answer = RUNNING;
    expect(await read('a')).toEqual(RUNNING);
    expect(await read('b')).toEqual(RUNNING);
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
    expect(await read('key-9', target({ jobID: 'job-9', signs: true }))).toEqual(rejected);
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
      target({ jobID: `job-${n}`, signs: true, fingerprint: `secret-${n % 3}`, accessKey: 'AK' });
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

    expect(held).toEqual([rejected, rejected, rejected, rejected]);
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

  it('is not for tokens, which nothing locks', async () => {
    const { calls, read } = setUp({ answer: () => rejected });

    for (let n = 0; n < 10; n += 1) await read('a');

    expect(calls).toHaveLength(10);
  });

  it('wakes those who wait for it one after the other, and loses none', async () => {
    const { calls, woken, read } = setUp();
    const told = new Set<string>();
    const look = (key: string): void => {
      void read(key, target({ jobID: key, signs: true })).then(({ kind }) => kind === 'job' && told.add(key));
    };
    for (let n = 0; n < 20; n += 1) look(`job-${n}`);

    for (let ended = 0; ended < 20; ended += 1) {
      await settle();
      for (const key of woken.splice(0)) look(key);
      await settle();
      calls[ended]?.end(RUNNING);
    }
    await settle();

    expect(told.size).toBe(20);
  });
});

describe('failed polls', () => {
  it('are reported with all that a log needs, those without a call included', async () => {
    const told: unknown[] = [];
    const error = { class: 'transient', message: 'HTTP 500', status: 500, requestID: 'r-1' } as const;
    const { read } = setUp({
      answer: () => ({ kind: 'error', error }),
      onError: (...args) => told.push(args),
    });

    await read('a');

    expect(told).toEqual([[error, expect.objectContaining({ jobID: 'job-1', projectID: 'project-1' })]]);
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
        const look = async (key: string, of: Target, priority: Priority): Promise<void> => {
          const { kind } = await read(key, of, priority);
          if (kind === 'nothing') waiting.set(key, of);
          else waiting.delete(key);
        };
        const lookAgain = async (): Promise<void> => {
          for (const key of woken.splice(0)) {
            const of = waiting.get(key);
            if (of !== undefined) await look(key, of, 'low');
          }
        };
        for (const { key, job, signs, urgent, forget, passMs, answer: error } of steps) {
          answer = error === null ? RUNNING : (errors[error] ?? RUNNING);
          if (forget) {
            reader.forget(`${key}`);
            waiting.delete(`${key}`);
          } else {
            await look(`${key}`, target({ jobID: `job-${job}`, signs }), urgent ? 'high' : 'low');
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
