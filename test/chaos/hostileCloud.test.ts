import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import process from 'node:process';
import fc from 'fast-check';
import type { CloudJob } from '../../src/api/cloudjob.js';
import { tokenAuthenticator } from '../../src/cloud/auth/token.js';
import { JobClient } from '../../src/cloud/client.js';
import { createHttp, type Http } from '../../src/cloud/http.js';
import { SecretText } from '../../src/cloud/secretText.js';
import { decide, type Decision } from '../../src/reconcile/decide.js';
import { failureOf } from '../../src/cloud/observation.js';
import type { Observation } from '../../src/cloud/observation.js';
import { knownJob } from '../../src/reconcile/cloudJob.js';
import { classifyPhase, isTerminal } from '../../src/cloud/phase.js';
import { FakeClock } from '../support/fakeClock.js';
import { cloudJob, CREATED, JOB_ID, withStatus } from '../support/cloudJobs.js';
import { chaosRuns } from '../support/seed.js';
import { expectSound } from '../support/soundStatus.js';
import { TestServer } from '../unit/cloud/server.js';
import type { History } from '../../src/reconcile/jobState.js';

const TOKEN = 'canary-token-of-the-hostile-cloud';
const RUNS = 2_000 * chaosRuns;
const SEED = process.env['CLOUDJOB_CHAOS_SEED'];

/** One answer of the cloud, and how much time passes before it. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** `reset`: no answer at all. `cut`: fewer bytes than promised. */
  readonly delivery: 'whole' | 'reset' | 'cut';
  readonly seconds: number;
}

/** Any JSON where the API promises something definite, and the promised thing most of the time. */
function mostly<T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 6, arbitrary: good },
    fc.constantFrom<unknown>(
      null,
      undefined,
      '',
      0,
      -1,
      true,
      [],
      {},
      '\u0000\u202E\n<b>',
      'x'.repeat(5_000),
    ),
  );
}

const phase = fc.constantFrom('Initializing', 'Running', 'Success', 'Failed', 'SUCCESS', 'Paused', '');
const time = fc.constantFrom('2026-03-01 10:00:05.672772389 +0000 UTC', '2026-03-01T10:00:07Z', 'yesterday');
const { tree } = fc.letrec((tie) => ({
  tree: fc.record(
    {
      kind: mostly(fc.constant('Job')),
      metadata: mostly(
        fc.record({
          uid: mostly(fc.constantFrom(JOB_ID, JOB_ID.toUpperCase(), 'another-job')),
          creationTimestamp: mostly(time),
          updateTimestamp: mostly(time),
        }),
      ),
      spec: mostly(
        fc.record({
          type: mostly(fc.constantFrom('CreateNode', 'DeleteCluster')),
          resourceName: mostly(fc.string({ maxLength: 20 })),
          extendParam: mostly(fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }))),
          subJobs: fc.oneof(
            { maxDepth: 4 },
            fc.constant([]),
            mostly(fc.array(tie('tree'), { maxLength: 5 })),
          ),
        }),
      ),
      status: mostly(fc.record({ phase: mostly(phase), reason: mostly(fc.string({ maxLength: 40 })) })),
    },
    { requiredKeys: [] },
  ),
}));
const goodJob = fc.record({ phase, reason: fc.string({ maxLength: 20 }) }).map((status) => ({
  kind: 'Job',
  metadata: { uid: JOB_ID },
  spec: { type: 'CreateNode', subJobs: [] },
  status,
}));

const code = fc.constantFrom('CCE.01404001', 'CCE.02429001', 'CCE.01401001', 'APIGW.0101', 'APIG.0301', 'X');
const message = fc.constantFrom(
  'Resource not found.',
  'throttled',
  TOKEN,
  `a\r\nb\u0007 ${'long '.repeat(900)}`,
);
const errorBody = fc.oneof(
  fc.record({ errorCode: code, errorMessage: message }),
  fc.record({
    kind: fc.constant('Status'),
    status: fc.constant('Failure'),
    code: fc.constantFrom(400, 404, '404'),
    errorCode: code,
    error_code: code,
    message,
  }),
  fc.record({ error_code: code, error_msg: message, request_id: fc.string({ maxLength: 300 }) }),
  fc.record({ message, request_id: fc.constant('r') }),
  fc.record({ error: fc.record({ code: fc.constantFrom(401, 'E'), message, title: message }) }),
  fc.record({ kind: fc.constant('Job'), status: fc.constant({ phase: 'Success' }) }),
);
const body = fc.oneof(
  { weight: 3, arbitrary: tree.map((value) => JSON.stringify(value)) },
  { weight: 4, arbitrary: goodJob.map((value) => JSON.stringify(value)) },
  { weight: 4, arbitrary: errorBody.map((value) => JSON.stringify(value)) },
  fc.constantFrom(
    '',
    ' ',
    '<html><body>Bad Gateway</body></html>',
    '{"kind":"Job","status":{"phase":"Succ',
    'null',
  ),
  fc.constantFrom('[]', '"Success"', '\uFEFF{}', `{"a":${'['.repeat(3_000)}${']'.repeat(3_000)}}`),
);
const retryAfter = fc.constantFrom('7', '56.818', 'Sun, 01 Mar 2026 10:05:00 GMT', '-5', '1e99', 'soon', '0');
const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constant(200) },
    fc.constantFrom(201, 202, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 409, 410),
    fc.constantFrom(413, 418, 429, 500, 501, 502, 503, 504, 599),
  ),
  headers: fc
    .record({ 'retry-after': retryAfter, location: fc.constant('ELSEWHERE') }, { requiredKeys: [] })
    .map((headers) => headers as Readonly<Record<string, string>>),
  body,
  delivery: fc.oneof(
    { weight: 12, arbitrary: fc.constant('whole' as const) },
    fc.constantFrom('reset' as const, 'cut' as const),
  ),
  seconds: fc.constantFrom(0, 1, 5, 60, 130, 700, -30),
});

let cloud: TestServer;
let elsewhere: TestServer;
let http: Http;
const clock = new FakeClock();

beforeAll(async () => {
  cloud = await new TestServer((_, response) => void response.end()).start();
  elsewhere = await new TestServer((_, response) => void response.end()).start();
  // The clock stands still while an answer is read: what is asked for here are meanings, not deadlines.
  http = createHttp(clock);
});
afterAll(async () => {
  http.close();
  await cloud.stop();
  await elsewhere.stop();
});

function deliver({ status, headers, body: text, delivery }: Answer, response: ServerResponse): void {
  if (delivery === 'reset') {
    response.destroy();
    return;
  }
  const location = headers['location'] === undefined ? {} : { location: `${elsewhere.url}/api` };
  const bytes = Buffer.from(text);
  const hasBody = status !== 204 && status !== 304;
  const promised = delivery === 'cut' ? bytes.length + 10 : bytes.length;
  response.writeHead(status, {
    ...headers,
    ...location,
    ...(hasBody ? { 'content-length': String(promised) } : {}),
  });
  if (hasBody) response.write(bytes, () => (delivery === 'cut' ? response.destroy() : response.end()));
  else response.end();
}

async function observe(next: Answer): Promise<Observation> {
  cloud.respondWith((_, response) => deliver(next, response));
  return new JobClient(http, clock).read(
    {
      region: { name: 'lab', cce: cloud.url, iam: cloud.url },
      projectID: 'p1',
      jobID: JOB_ID,
      authenticator: tokenAuthenticator({ fingerprint: 'f', token: new SecretText(TOKEN) }),
    },
    new AbortController().signal,
  );
}

/** What the answer says to somebody who knows nothing of the client: a word that ends the job, and only that. */
function endsJob({ status, body: text, delivery }: Answer): boolean {
  if (status !== 200 || delivery !== 'whole') return false;
  try {
    const said = JSON.parse(text) as { readonly status?: { readonly phase?: unknown } } | null;
    const word = said?.status?.phase;
    return typeof word === 'string' && ['success', 'failed'].includes(word.trim().toLowerCase());
  } catch {
    return false;
  }
}

function checkStep(before: CloudJob, after: CloudJob, next: Answer, observation: Observation): void {
  expectSound({ ...after, metadata: { ...after.metadata, resourceVersion: '8' } }, [TOKEN]);
  const ended = isTerminal(before.status.phase);
  if (isTerminal(after.status.phase) && !ended) expect(endsJob(next)).toBe(true);
  // Only a poll that was requested shows a finished job again, and then what the cloud says counts.
  if (ended && observation.kind !== 'job') {
    expect(classifyPhase(after.status.phase)).toBe(classifyPhase(before.status.phase));
  }
  if (observation.kind === 'error') {
    expect(knownJob(after)).toEqual(knownJob(before));
    expect(after.status.jobID).toBe(JOB_ID);
    const { error } = observation;
    expect(error.message.length).toBeLessThanOrEqual(512);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.stringify(error)).not.toContain(TOKEN);
    if (next.delivery === 'whole' && next.status === 429) expect(error.class).toBe('throttled');
    if (next.delivery === 'whole' && next.status === 429 && next.headers['retry-after'] === '56.818') {
      expect(error.retryAfterMs).toBeGreaterThanOrEqual(56_818);
    }
  }
}

type Decide = typeof decide;
type Observe = (answer: Answer) => Promise<Observation>;

/** Plays sequences of answers and checks every invariant after each; what fails is shrunk and printed with its seed. */
async function playSequences(
  runs: number,
  decideBy: Decide = decide,
  observeBy: Observe = observe,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 8 }), async (answers) => {
      let object = cloudJob();
      let now = CREATED;
      let history: History = { unobservedMs: 0 };
      for (const next of answers) {
        now += next.seconds * 1000;
        const unobservedMs = history.unobservedMs + Math.max(0, next.seconds) * 1000;
        const observation = await observeBy(next);
        const { status } = decideBy(object, observation, now, { ...history, unobservedMs });
        const stored = withStatus(object, status);
        checkStep(object, stored, next, observation);

        const lastFailure = failureOf(observation);
        history = {
          unobservedMs: observation.kind === 'job' ? 0 : unobservedMs,
          ...(lastFailure === undefined ? {} : { lastFailure }),
        };
        const again = decideBy(stored, { kind: 'nothing' }, now, history);
        expect(again.status).toEqual(stored.status);
        expect(again.transitions).toEqual([]);
        object = stored;
      }
    }),
    { numRuns: runs, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
  );
}

/** Decisions that are wrong in one respect: what comes out of the right one is spoilt. */
function spoilt(
  spoil: (decision: Decision, before: CloudJob, observation: Observation, now: number) => object,
): Decide {
  return (object, observation, now, history) => {
    const decision = decide(object, observation, now, history);
    return { ...decision, status: { ...decision.status, ...spoil(decision, object, observation, now) } };
  };
}

let polls = 0;
const mapConditions = ({ status }: Decision, type: string, changed: object) => ({
  conditions: (status.conditions ?? []).map((one) => (one.type === type ? { ...one, ...changed } : one)),
});
const WRONG_DECISIONS: Readonly<Record<string, Decide>> = {
  'takes an error for the end': spoilt((_, __, observation) =>
    observation.kind === 'error' ? { phase: 'Failed' } : {},
  ),
  'forgets what it knew when a poll fails': spoilt(({ status }, _, observation) =>
    observation.kind === 'error'
      ? { progress: undefined, type: undefined, subJobs: undefined, phase: status.phase }
      : {},
  ),
  'lets a finished job run again': (object, observation, now, history) =>
    decide({ ...object, status: { ...object.status, phase: 'Running' } }, observation, now, history),
  'says Ready too early': spoilt((decision) => mapConditions(decision, 'Ready', { status: 'True' })),
  'stalls and is not unready': spoilt((decision) => mapConditions(decision, 'Ready', { status: 'Unknown' })),
  'keeps two conditions of one type': spoilt(({ status: { conditions = [] } }) => ({
    conditions: [...conditions, ...conditions.slice(0, 1)],
  })),
  'is never at rest': spoilt((_, __, ___, now) => ({ message: `poll ${(polls += 1)} at ${now}` })),
  'shows the token': spoilt((_, __, observation) => (observation.kind === 'error' ? { message: TOKEN } : {})),
  'reports an event again and again': (object, observation, now, history) => ({
    ...decide(object, observation, now, history),
    transitions: [{ type: 'Normal', reason: 'Observed', message: 'again', key: 'again' }],
  }),
};

/** Clients that read an answer wrongly. */
const WRONG_OBSERVATIONS: Readonly<Record<string, Observe>> = {
  'does not know throttling': async (next) => mapError(await observe(next), { class: 'transient' }),
  'ignores Retry-After': async (next) => mapError(await observe(next), { retryAfterMs: 0 }),
  'lets long texts through': async (next) => mapError(await observe(next), { message: 'x'.repeat(600) }),
  'lets control characters through': async (next) => mapError(await observe(next), { message: 'a\u0007' }),
  'repeats the token': async (next) => mapError(await observe(next), { message: TOKEN }),
  'reads an end into an answer without one': async (next) => {
    const observation = await observe(next);
    return observation.kind === 'job'
      ? { kind: 'job', job: { ...observation.job, phase: 'Success' } }
      : observation;
  },
};

function mapError(observation: Observation, changed: object): Observation {
  if (observation.kind !== 'error') return observation;
  return { kind: 'error', error: { ...observation.error, ...changed } };
}

/** What was printed of the property that failed; undefined when all held. */
async function counterExample(play: Promise<void>): Promise<string | undefined> {
  try {
    await play;
    return undefined;
  } catch (error) {
    return String(error);
  }
}

describe('a hostile cloud', () => {
  it(`never makes a status untrue, whatever it answers (${RUNS} sequences)`, async () => {
    await playSequences(RUNS);

    expect(elsewhere.seen).toEqual([]);
  }, 600_000);

  it.each(Object.keys(WRONG_DECISIONS))('is reported by the invariants when a decision %s', async (name) => {
    const found = await counterExample(playSequences(1_000, WRONG_DECISIONS[name]));

    expect(found).toMatch(/seed: -?\d+/);
    expect(found).toMatch(/Counterexample: \[\[/);
  });

  it.each(Object.keys(WRONG_OBSERVATIONS))('is reported by the invariants when a client %s', async (name) => {
    const found = await counterExample(playSequences(1_000, decide, WRONG_OBSERVATIONS[name]));

    expect(found).toMatch(/seed: -?\d+/);
    expect(found).toMatch(/Counterexample: \[\[/);
  });
});
