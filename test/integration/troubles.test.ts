import { afterAll, describe, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { kstatus } from '../support/kstatus.js';
import type { Answer } from '../support/scriptedCloud.js';
import { condition } from '../support/soundStatus.js';
import { until } from '../support/until.js';
import { has, tokenOf, World } from '../support/world.js';
import type { Reason } from '../../src/api/conditions.js';

// The tests of this suite mostly wait, each in a region of its own, so they wait together. Jest starts concurrent
// tests before any `beforeAll`.
const world = await World.start();
await world.startOperator();
afterAll(async () => world.stop(), 60_000);

describe('a job that the cloud does not know', () => {
  it.concurrent('is waited for at first, and found when it appears', async () => {
    const jobID = 'appears-late';

    const ref = await world.follow(await world.namespace(), jobID);
    const unknown = await world.untilStatus(ref, 'is unknown', (s) => has(s, 'Synced', 'False'));
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const done = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);

    expect(unknown.status).toEqual({
      observedGeneration: 1,
      jobID,
      message: expect.stringContaining(jobID),
      conditions: [
        condition('Ready', 'Unknown', 'JobNotFound'),
        condition('Succeeded', 'Unknown', 'JobNotFound'),
        condition('Synced', 'False', 'JobNotFound'),
        condition('Reconciling', 'True', 'JobNotFound'),
      ],
    });
    expect([unknown, done].map(kstatus)).toEqual(['InProgress', 'Current']);
  });

  it.concurrent(
    'has vanished when it was known before; what is known stays, and it heals when it is back',
    async () => {
      const jobID = 'vanishes';
      world.cloud.answer(jobID, reports({ uid: jobID, type: 'CreateNode', phase: 'Running' }));
      const ref = await world.follow(await world.namespace(), jobID);
      await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

      world.cloud.forget(jobID);
      const vanished = await world.untilStatus(ref, 'is Stalled', (s) => has(s, 'Stalled', 'True'));
      world.cloud.answer(jobID, reports({ uid: jobID, type: 'CreateNode', phase: 'Running' }));
      const back = await world.untilStatus(ref, 'is back', (s) => has(s, 'Synced', 'True'), 60_000);

      expect(vanished.status).toMatchObject({ phase: 'Running', type: 'CreateNode' });
      expect(vanished.status.conditions).toEqual([
        condition('Ready', 'False', 'JobVanished'),
        condition('Succeeded', 'Unknown', 'JobVanished'),
        condition('Settled', 'True', 'JobVanished'),
        condition('Synced', 'False', 'JobVanished'),
        condition('Stalled', 'True', 'JobVanished'),
      ]);
      expect(has(back.status, 'Reconciling', 'True')).toBe(true);
      expect([vanished, back].map(kstatus)).toEqual(['Failed', 'InProgress']);
    },
  );
});

const GATEWAY_MISS = {
  error_msg: 'The API does not exist or has not been published in the environment',
  error_code: 'APIGW.0101',
  request_id: 'f00d',
};

/** Troubles that may pass by themselves: they change nothing until the deadline. */
const PASSING: readonly (readonly [string, Answer, Reason])[] = [
  [
    'throttled by the gateway',
    {
      status: 429,
      headers: { 'retry-after': '1.5' },
      body: { error_msg: 'The throttling threshold has been reached', error_code: 'APIGW.0308' },
    },
    'CloudThrottled',
  ],
  [
    'a 500',
    { status: 500, body: { errorCode: 'CCE.01500001', errorMessage: 'Internal error' } },
    'CloudUnavailable',
  ],
  [
    'a 503 of HTML',
    { status: 503, headers: { 'content-type': 'text/html' }, body: '<html>down</html>' },
    'CloudUnavailable',
  ],
  ['a reset connection', { instead: 'reset' }, 'CloudUnavailable'],
  [
    'a 200 of HTML',
    { headers: { 'content-type': 'text/html' }, body: '<html>login</html>' },
    'MalformedResponse',
  ],
  ['truncated JSON', { body: '{"kind":"Job","metadata":{"ui' }, 'MalformedResponse'],
  ['JSON that is not a job', { body: { message: 'down for maintenance' } }, 'MalformedResponse'],
  ['an empty 200', { body: '' }, 'MalformedResponse'],
];

describe('a cloud that cannot answer', () => {
  it.concurrent.each(PASSING)('%s changes nothing before the deadline', async (name, trouble, _reason) => {
    const jobID = idFor('calm', name);
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    const ref = await world.follow(await world.namespace(), jobID);
    const before = await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

    world.cloud.answer(jobID, trouble);
    const after = await world.pollNow(ref);

    expect(after.status).toEqual({ ...before.status, lastHandledReconcileAt: expect.any(String) });
    expect(kstatus(after)).toBe('InProgress');
  });

  it.concurrent.each(PASSING)(
    '%s stalls after the deadline and heals',
    async (name, trouble, reason) => {
      const jobID = idFor('stall', name);
      world.cloud.answer(jobID, reports({ uid: jobID, type: 'CreateNode', phase: 'Running' }));
      const ref = await world.follow(await world.namespace(), jobID, { observationDeadlineSeconds: 2 });
      await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');

      world.cloud.answer(jobID, trouble);
      const stalled = await world.untilStatus(ref, 'is Stalled', (s) => has(s, 'Stalled', 'True'), 30_000);
      world.cloud.answer(jobID, reports({ uid: jobID, type: 'CreateNode', phase: 'Success' }));
      const healed = await world.pollNow(ref);

      expect(stalled.status).toMatchObject({ phase: 'Running', type: 'CreateNode' });
      expect(stalled.status.conditions).toEqual([
        condition('Ready', 'False', reason),
        condition('Succeeded', 'Unknown', 'JobRunning'),
        condition('Settled', 'True', reason),
        condition('Synced', 'False', reason),
        condition('Stalled', 'True', reason),
      ]);
      expect([stalled, healed].map(kstatus)).toEqual(['Failed', 'Current']);
    },
    150_000,
  );

  it.concurrent('is logged with its request ID once for a transition, not at each poll', async () => {
    const jobID = 'refused-for-support';
    const ref = await world.follow(await world.namespace(), jobID);
    const logged = (): unknown[] =>
      world.operator.log
        .filter((line) => line.includes('id-of-refusal'))
        .map((line) => JSON.parse(line) as unknown);

    world.cloud.answer(jobID, {
      status: 403,
      headers: { 'x-request-id': 'id-of-refusal' },
      body: { error_code: 'APIGW.0302', error_msg: 'no' },
    });
    const first = await world.pollNow(ref);
    const second = await world.pollNow(ref);
    await until('the log to have both polls and the transition', () => logged().length >= 3);

    expect(logged().filter((line) => (line as { level: string }).level !== 'debug')).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: 'cloud job transition',
        name: ref.name,
        reason: 'CredentialsRejected',
        requestID: 'id-of-refusal',
      }),
    ]);
    expect(JSON.stringify([first, second, await world.events(ref)])).not.toContain('id-of-refusal');
  });

  it.concurrent('is logged with its request ID, which no status shows', async () => {
    const jobID = 'for-support';
    const ref = await world.follow(await world.namespace(), jobID);
    const body = { error_code: 'APIGW.0201', error_msg: 'Backend timeout', request_id: 'id-for-support' };

    world.cloud.answer(jobID, { status: 504, body });
    const object = await world.pollNow(ref);

    const logged = await until('the log to say it', () =>
      world.operator.log.find((line) => line.includes('id-for-support')),
    );
    expect(JSON.parse(logged)).toMatchObject({
      level: 'debug',
      message: 'poll of a job failed',
      jobID,
      class: 'transient',
      code: 'APIGW.0201',
      status: 504,
      requestID: 'id-for-support',
    });
    expect(JSON.stringify(object)).not.toContain('id-for-support');
  });

  it.concurrent(
    'heals by itself when nobody asks',
    async () => {
      const jobID = 'heals-by-itself';
      world.cloud.answer(jobID, { status: 500, body: '' });
      const ref = await world.follow(await world.namespace(), jobID);
      await until('the cloud to be called', () => world.cloud.requests(jobID).length > 0);

      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));

      await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
    },
    90_000,
  );

  it.concurrent('waits when the first poll fails, and stalls after the deadline', async () => {
    const jobID = 'never-an-answer';
    world.cloud.answer(jobID, { status: 502, body: 'Bad Gateway' });

    const ref = await world.follow(await world.namespace(), jobID, { observationDeadlineSeconds: 3 });
    const waiting = await world.untilStatus(ref, 'is waiting', (s) => has(s, 'Ready', 'Unknown'));
    const stalled = await world.untilStatus(ref, 'is Stalled', (s) => has(s, 'Stalled', 'True'), 30_000);

    expect(waiting.status.conditions).toEqual([
      condition('Ready', 'Unknown', 'WaitingForCloud'),
      condition('Succeeded', 'Unknown', 'WaitingForCloud'),
      condition('Synced', 'Unknown', 'WaitingForCloud'),
      condition('Reconciling', 'True', 'WaitingForCloud'),
    ]);
    expect(stalled.status.conditions).toEqual([
      condition('Ready', 'False', 'CloudUnavailable'),
      condition('Succeeded', 'Unknown', 'WaitingForCloud'),
      condition('Settled', 'True', 'CloudUnavailable'),
      condition('Synced', 'False', 'CloudUnavailable'),
      condition('Stalled', 'True', 'CloudUnavailable'),
    ]);
  });
});

/** Troubles that last until somebody does something. */
const REFUSED: readonly (readonly [string, Answer, Reason])[] = [
  [
    'a 401',
    { status: 401, body: { errorMessage: 'Authorization failed.', errorCode: 'CCE.01401001' } },
    'CredentialsRejected',
  ],
  ['a 403', { status: 403, body: { errorMessage: 'Forbidden', errorCode: 'CCE.01403001' } }, 'AccessDenied'],
  ["the gateway's own 404", { status: 404, body: GATEWAY_MISS }, 'CloudMisconfigured'],
];

describe('a cloud that refuses', () => {
  it.concurrent.each(REFUSED)(
    '%s is reported at once, stalls after the deadline and heals',
    async (name, refusal, reason) => {
      const jobID = idFor('refused', name);
      world.cloud.answer(jobID, refusal);
      const namespace = await world.namespace();

      const ref = await world.follow(namespace, jobID, { observationDeadlineSeconds: 3 });
      const refused = await world.untilStatus(ref, 'is refused', (s) => has(s, 'Synced', 'False'));
      const stalled = await world.untilStatus(ref, 'is Stalled', (s) => has(s, 'Stalled', 'True'), 60_000);
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      const healed = await world.pollNow(ref);

      expect(refused.status.conditions).toEqual([
        condition('Ready', 'Unknown', reason),
        condition('Succeeded', 'Unknown', reason),
        condition('Synced', 'False', reason),
        condition('Reconciling', 'True', reason),
      ]);
      expect(stalled.status.conditions).toEqual([
        condition('Ready', 'False', reason),
        condition('Succeeded', 'Unknown', reason),
        condition('Settled', 'True', reason),
        condition('Synced', 'False', reason),
        condition('Stalled', 'True', reason),
      ]);
      expect([refused, stalled, healed].map(kstatus)).toEqual(['InProgress', 'Failed', 'Current']);
    },
    150_000,
  );
});

describe('credentials', () => {
  it.concurrent.each<readonly [string, Readonly<Record<string, string>> | undefined, Reason, RegExp]>([
    ['that are missing', undefined, 'CredentialsNotFound', /cce-credentials/],
    ['of no family', { user: 'me', pass: 'canary-value' }, 'InvalidCredentials', /token/],
    ['of half a family', { accessKey: 'canary-value' }, 'InvalidCredentials', /secretKey/],
    [
      'of two families',
      { token: 'canary-value', accessKey: 'a', secretKey: 'b' },
      'InvalidCredentials',
      /token/,
    ],
    ['that are empty', { token: '' }, 'InvalidCredentials', /token/],
  ])(
    '%s are reported with their remedy, and repaired without a restart',
    async (name, secret, reason, remedy) => {
      const jobID = idFor('secret', name);
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      const namespace = await world.namespace();
      if (secret === undefined) await world.deleteSecret(namespace);
      else await world.putSecret(namespace, secret);

      const ref = await world.follow(namespace, jobID);
      const bad = await world.untilStatus(ref, 'is not synced', (s) => has(s, 'Synced', 'False'));
      const calls = world.cloud.requests(jobID).length;
      await world.putSecret(namespace, { token: tokenOf(namespace) });
      const healed = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);

      expect(bad.status.conditions).toEqual([
        condition('Ready', 'Unknown', reason, { message: remedy }),
        condition('Succeeded', 'Unknown', reason),
        condition('Synced', 'False', reason, { message: remedy }),
        condition('Reconciling', 'True', reason),
      ]);
      expect(JSON.stringify(bad.status)).not.toContain('canary-value');
      expect(calls).toBe(0);
      expect(kstatus(healed)).toBe('Current');
    },
  );

  it.concurrent('that expire are renewed in the Secret and work within a poll', async () => {
    const jobID = 'rotated-token';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const namespace = await world.namespace();
    await world.putSecret(namespace, { token: 'canary-expired-token' });

    const ref = await world.follow(namespace, jobID);
    const rejected = await world.untilStatus(ref, 'is rejected', (s) => has(s, 'Synced', 'False'));
    await world.putSecret(namespace, { token: tokenOf(namespace) });
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);

    expect(has(rejected.status, 'Ready', 'Unknown', 'CredentialsRejected')).toBe(true);
    expect(JSON.stringify(rejected)).not.toContain('canary-expired-token');
    expect(world.operator.log.join('\n')).not.toContain('canary-expired-token');
  });

  it.concurrent('must be named: a CloudJob without credentialsRef says so', async () => {
    const ref = await world.follow(await world.namespace(), 'nobodys-credentials', {
      credentialsRef: undefined,
    });

    const seen = await world.untilStatus(ref, 'is not synced', (s) => has(s, 'Synced', 'False'));

    expect(has(seen.status, 'Ready', 'Unknown', 'CredentialsRequired')).toBe(true);
  });
});

/** A job ID made of a sentence. */
function idFor(prefix: string, sentence: string): string {
  return `${prefix}-${sentence.replaceAll(/[^a-z0-9]+/gi, '-')}`.toLowerCase();
}
