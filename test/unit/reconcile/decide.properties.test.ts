import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { statusSchema, type CloudJob } from '../../../src/api/cloudjob.js';
import { findCondition } from '../../../src/api/conditions.js';
import type { Job } from '../../../src/cloud/job.js';
import { decide } from '../../../src/reconcile/decide.js';
import { failureOf, type Failure } from '../../../src/cloud/observation.js';
import type { Observation } from '../../../src/cloud/observation.js';
import { classifyPhase, isTerminal } from '../../../src/cloud/phase.js';
import { cloudJob, CREATED, edited, failed, NO_SECRET, withStatus } from '../../support/cloudJobs.js';
import { kstatus } from '../../support/kstatus.js';

/** What may happen to a CloudJob: time passes, somebody edits the spec, a poll brings something. */
type Step =
  | {
      readonly kind: 'find';
      readonly observation: Observation;
      readonly seconds: number;
      readonly restarted: boolean;
    }
  | { readonly kind: 'edit'; readonly spec: Readonly<Record<string, unknown>> };

const phase = fc.constantFrom(
  undefined,
  'Initializing',
  'Running',
  'Success',
  'Failed',
  'running',
  'SUCCESS',
  'Odd',
);
const text = fc.option(fc.string({ maxLength: 40 }), { nil: undefined });

const { tree } = fc.letrec<{ tree: Job }>((tie) => ({
  tree: fc
    .record({
      id: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }),
      type: text,
      phase,
      reason: text,
      resourceName: text,
      startTime: fc.option(fc.constantFrom('2020-02-02T08:12:40Z', '2026-03-01T10:00:00Z'), {
        nil: undefined,
      }),
      subJobs: fc.oneof({ maxDepth: 3 }, fc.constant<Job[]>([]), fc.array(tie('tree'), { maxLength: 6 })),
    })
    .map(
      (fields) =>
        ({
          extendParam: {},
          ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
        }) as Job,
    ),
}));

const observation: fc.Arbitrary<Observation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(tree, fc.boolean())
      .map(([job, isPart]): Observation => ({ kind: 'job', job, ...(isPart && { causesLeft: ['a'] }) })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        ...([
          'throttled',
          'transient',
          'unauthorized',
          'forbidden',
          'notFound',
          'misconfigured',
          'malformed',
        ] as const),
      )
      .map((errorClass) => failed(errorClass)),
  },
  fc.constant(NO_SECRET),
  fc.constant<Observation>({ kind: 'invalidSpec', message: 'spec.region "moon" is not in the catalogue' }),
  { weight: 2, arbitrary: fc.constant<Observation>({ kind: 'nothing' }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('find' as const),
      observation,
      seconds: fc.constantFrom(0, 1, 30, 121, 700, -5),
      restarted: fc.boolean(),
    }),
  },
  fc.record({
    kind: fc.constant('edit' as const),
    spec: fc.constantFrom(
      { suspend: true },
      { suspend: false },
      { readyWhen: 'Observed' },
      { readyWhen: 'Succeeded' },
      { activeDeadlineSeconds: 60 },
      { activeDeadlineSeconds: undefined },
      { observationDeadlineSeconds: 30 },
      { jobID: 'another' },
      { jobID: 'bad/one' },
      { jobID: 'a-third' },
    ),
  }),
);

interface World {
  readonly object: CloudJob;
  readonly now: number;
  readonly unobservedMs: number;
  readonly unchangedMs: number;
  readonly lastFailure: Failure | undefined;
}

/** Takes one step as the reconciler would, and checks everything that must hold after it. */
function take(world: World, next: Step): World {
  const { object, now, unobservedMs, unchangedMs, lastFailure } = world;
  if (next.kind === 'edit') return { ...world, object: edited(object, next.spec) };

  const then = now + next.seconds * 1000;
  const history = next.restarted
    ? { unobservedMs: 0, unchangedMs: 0 }
    : {
        unobservedMs: unobservedMs + Math.max(0, next.seconds * 1000),
        unchangedMs: unchangedMs + Math.max(0, next.seconds * 1000),
        lastFailure,
      };
  const { status, jobChanged } = decide(object, next.observation, then, history);
  const stored = withStatus(object, status);

  checkInvariants(object, stored, next.observation);
  const good = next.observation.kind === 'job';
  const failure = next.observation.kind === 'nothing' ? history.lastFailure : failureOf(next.observation);
  const afterwards = {
    unobservedMs: good ? 0 : history.unobservedMs,
    unchangedMs: jobChanged ? 0 : history.unchangedMs,
    lastFailure: good ? undefined : failure,
  };
  const again = decide(stored, { kind: 'nothing' }, then, afterwards);
  expect(again.status).toEqual(stored.status);
  expect(again.transitions).toEqual([]);
  return { object: stored, now: then, ...afterwards };
}

function checkInvariants(before: CloudJob, { metadata, spec, status }: CloudJob, seen: Observation): void {
  const condition = (type: Parameters<typeof findCondition>[1]) => findCondition(status.conditions, type);
  expect(statusSchema.parse(status)).toEqual(status);
  expect(status.observedGeneration).toBe(metadata.generation);
  for (const { observedGeneration } of status.conditions ?? [])
    expect(observedGeneration).toBe(metadata.generation);

  const stalled = condition('Stalled');
  const reconciling = condition('Reconciling');
  expect([stalled?.status, reconciling?.status]).not.toContain('False');
  expect(stalled !== undefined && reconciling !== undefined).toBe(false);
  if (stalled !== undefined) expect(condition('Ready')?.status).toBe('False');
  if (condition('Ready')?.status === 'False') expect(stalled).toBeDefined();
  const isSettled = condition('Ready')?.status === 'True' || stalled !== undefined;
  expect(condition('Settled')?.status).toBe(isSettled ? 'True' : undefined);

  const sameJob = before.status.jobID === status.jobID;
  if (sameJob && isTerminal(before.status.phase) && seen.kind !== 'job') {
    expect(classifyPhase(status.phase)).toBe(classifyPhase(before.status.phase));
  }
  if (isTerminal(status.phase) && stalled !== undefined) expect(stalled.reason).toBe('JobFailed');
  if (classifyPhase(status.phase) === 'succeeded') {
    expect(new Set(status.conditions?.map(({ status: is }) => is))).toEqual(new Set(['True']));
    expect(kstatus({ metadata, status })).toBe('Current');
  }
  if (condition('Ready')?.status === 'True' && !('problems' in spec) && spec.readyWhen !== 'Observed') {
    expect(classifyPhase(status.phase)).toBe('succeeded');
  }
  for (const { type, status: is, lastTransitionTime } of before.status.conditions ?? []) {
    const after = status.conditions?.find((other) => other.type === type);
    if (sameJob && after?.status === is) expect(after.lastTransitionTime).toBe(lastTransitionTime);
  }
}

describe('whatever happens to a CloudJob', () => {
  it('its status keeps its promises, and deciding again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let world: World = {
          object: cloudJob(),
          now: CREATED,
          unobservedMs: 0,
          unchangedMs: 0,
          lastFailure: undefined,
        };

        for (const next of steps) world = take(world, next);
      }),
      { numRuns: 300 },
    );
  });
});
