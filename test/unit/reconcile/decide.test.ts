import { describe, expect, it } from '@jest/globals';
import { findCondition } from '../../../src/api/conditions.js';
import type { CloudJob } from '../../../src/api/cloudjob.js';
import { decide } from '../../../src/reconcile/decide.js';
import type { CloudErrorClass } from '../../../src/cloud/errors.js';
import { failureOf } from '../../../src/cloud/observation.js';
import type { Observation } from '../../../src/cloud/observation.js';
import {
  after,
  cloudJob,
  conditionsOf,
  CREATED,
  edited,
  failed,
  HEALTHY,
  job,
  JOB_ID,
  NO_SECRET,
  read,
} from '../../support/cloudJobs.js';
import { kstatus } from '../../support/kstatus.js';
import type { History } from '../../../src/reconcile/jobState.js';

const NOTHING: Observation = { kind: 'nothing' };
const THROTTLED = failureOf(failed('throttled'));
const UNCHANGED_FOR_10_MINUTES: History = { unobservedMs: 0, unchangedMs: 600_000 };
const UNOBSERVED_FOR_11_MINUTES: History = { unobservedMs: 660_000 };

function followed(phase: string, spec = {}): CloudJob {
  return after(cloudJob(spec), read(phase));
}

describe('the conditions of every state', () => {
  const fresh = cloudJob();
  const observed = cloudJob({ readyWhen: 'Observed' });
  it.each<[string, CloudJob, Record<string, string>, string]>([
    [
      'first visit, waiting for the cloud',
      after(fresh, NOTHING),
      {
        Ready: 'Unknown/WaitingForCloud',
        Succeeded: 'Unknown/WaitingForCloud',
        Synced: 'Unknown/WaitingForCloud',
        Reconciling: 'True/WaitingForCloud',
      },
      'InProgress',
    ],
    [
      'initializing',
      after(fresh, read('Initializing')),
      {
        Ready: 'Unknown/JobInitializing',
        Succeeded: 'Unknown/JobInitializing',
        Synced: 'True/JobRead',
        Reconciling: 'True/JobInitializing',
      },
      'InProgress',
    ],
    [
      'running',
      after(fresh, read('Running')),
      {
        Ready: 'Unknown/JobRunning',
        Succeeded: 'Unknown/JobRunning',
        Synced: 'True/JobRead',
        Reconciling: 'True/JobRunning',
      },
      'InProgress',
    ],
    [
      'running, and ready when observed',
      after(observed, read('Running')),
      {
        Ready: 'True/JobObserved',
        Settled: 'True/JobObserved',
        Succeeded: 'Unknown/JobRunning',
        Synced: 'True/JobRead',
      },
      'Current',
    ],
    [
      'success',
      after(fresh, read('Success')),
      {
        Ready: 'True/JobSucceeded',
        Settled: 'True/JobSucceeded',
        Succeeded: 'True/JobSucceeded',
        Finished: 'True/JobSucceeded',
        Synced: 'True/JobRead',
      },
      'Current',
    ],
    [
      'failed',
      after(fresh, read('Failed')),
      {
        Ready: 'False/JobFailed',
        Succeeded: 'False/JobFailed',
        Finished: 'True/JobFailed',
        Synced: 'True/JobRead',
        Stalled: 'True/JobFailed',
        Settled: 'True/JobFailed',
      },
      'Failed',
    ],
    [
      'failed, and ready when observed',
      after(observed, read('Failed')),
      {
        Ready: 'True/JobFailed',
        Settled: 'True/JobFailed',
        Succeeded: 'False/JobFailed',
        Finished: 'True/JobFailed',
        Synced: 'True/JobRead',
      },
      'Current',
    ],
    [
      'unknown to the cloud within the grace time',
      after(fresh, failed('notFound'), 119),
      {
        Ready: 'Unknown/JobNotFound',
        Succeeded: 'Unknown/JobNotFound',
        Synced: 'False/JobNotFound',
        Reconciling: 'True/JobNotFound',
      },
      'InProgress',
    ],
    [
      'unknown to the cloud after the grace time',
      after(fresh, failed('notFound'), 120, { unobservedMs: 120_000 }),
      {
        Ready: 'False/JobNotFound',
        Succeeded: 'Unknown/JobNotFound',
        Synced: 'False/JobNotFound',
        Stalled: 'True/JobNotFound',
        Settled: 'True/JobNotFound',
      },
      'Failed',
    ],
    [
      'vanished while unfinished',
      after(followed('Running'), failed('notFound'), 5),
      {
        Ready: 'False/JobVanished',
        Succeeded: 'Unknown/JobVanished',
        Synced: 'False/JobVanished',
        Stalled: 'True/JobVanished',
        Settled: 'True/JobVanished',
      },
      'Failed',
    ],
    [
      'no credentials',
      after(fresh, NO_SECRET),
      {
        Ready: 'Unknown/CredentialsNotFound',
        Succeeded: 'Unknown/CredentialsNotFound',
        Synced: 'False/CredentialsNotFound',
        Reconciling: 'True/CredentialsNotFound',
      },
      'InProgress',
    ],
    [
      'credentials rejected for longer than the deadline',
      after(fresh, failed('unauthorized'), 660, UNOBSERVED_FOR_11_MINUTES),
      {
        Ready: 'False/CredentialsRejected',
        Succeeded: 'Unknown/WaitingForCloud',
        Synced: 'False/CredentialsRejected',
        Stalled: 'True/CredentialsRejected',
        Settled: 'True/CredentialsRejected',
      },
      'Failed',
    ],
    [
      'unreachable on the first visit',
      after(fresh, failed('transient')),
      {
        Ready: 'Unknown/WaitingForCloud',
        Succeeded: 'Unknown/WaitingForCloud',
        Synced: 'Unknown/WaitingForCloud',
        Reconciling: 'True/WaitingForCloud',
      },
      'InProgress',
    ],
    [
      'unreachable while running',
      after(followed('Running'), failed('transient'), 60, { unobservedMs: 60_000 }),
      {
        Ready: 'Unknown/JobRunning',
        Succeeded: 'Unknown/JobRunning',
        Synced: 'True/JobRead',
        Reconciling: 'True/JobRunning',
      },
      'InProgress',
    ],
    [
      'unreachable for longer than the deadline',
      after(followed('Running'), failed('transient'), 700, UNOBSERVED_FOR_11_MINUTES),
      {
        Ready: 'False/CloudUnavailable',
        Succeeded: 'Unknown/JobRunning',
        Synced: 'False/CloudUnavailable',
        Stalled: 'True/CloudUnavailable',
        Settled: 'True/CloudUnavailable',
      },
      'Failed',
    ],
    [
      'running for longer than activeDeadlineSeconds',
      after(cloudJob({ activeDeadlineSeconds: 60 }), read('Running'), 60),
      {
        Ready: 'False/DeadlineExceeded',
        Succeeded: 'Unknown/DeadlineExceeded',
        Synced: 'True/JobRead',
        Stalled: 'True/DeadlineExceeded',
        Settled: 'True/DeadlineExceeded',
      },
      'Failed',
    ],
    [
      'a spec that cannot be read',
      after(cloudJob({ jobID: '../tokens' }), NOTHING),
      {
        Ready: 'False/InvalidSpec',
        Succeeded: 'Unknown/InvalidSpec',
        Synced: 'Unknown/InvalidSpec',
        Stalled: 'True/InvalidSpec',
        Settled: 'True/InvalidSpec',
      },
      'Failed',
    ],
    [
      'a phase nobody documented',
      after(fresh, read('Hibernating')),
      {
        Ready: 'Unknown/UnknownPhase',
        Succeeded: 'Unknown/UnknownPhase',
        Synced: 'True/UnknownPhase',
        Reconciling: 'True/UnknownPhase',
      },
      'InProgress',
    ],
    [
      'a phase nobody documented, unchanged for observationDeadlineSeconds',
      after(followed('Succeeded'), read('Succeeded'), 601, UNCHANGED_FOR_10_MINUTES),
      {
        Ready: 'False/UnknownPhase',
        Succeeded: 'Unknown/UnknownPhase',
        Synced: 'True/UnknownPhase',
        Stalled: 'True/UnknownPhase',
        Settled: 'True/UnknownPhase',
      },
      'Failed',
    ],
    [
      'the same with readyWhen Observed',
      after(
        followed('Succeeded', { readyWhen: 'Observed' }),
        read('Succeeded'),
        601,
        UNCHANGED_FOR_10_MINUTES,
      ),
      {
        Ready: 'True/JobObserved',
        Succeeded: 'Unknown/UnknownPhase',
        Synced: 'True/UnknownPhase',
        Settled: 'True/JobObserved',
      },
      'Current',
    ],
    [
      'suspended while running',
      after(edited(followed('Running'), { suspend: true }), NOTHING),
      {
        Ready: 'Unknown/Suspended',
        Succeeded: 'Unknown/JobRunning',
        Synced: 'True/JobRead',
        Suspended: 'True/Suspended',
      },
      'InProgress',
    ],
    [
      'suspended after success',
      after(edited(followed('Success'), { suspend: true }), NOTHING),
      {
        Ready: 'True/JobSucceeded',
        Settled: 'True/JobSucceeded',
        Succeeded: 'True/JobSucceeded',
        Finished: 'True/JobSucceeded',
        Synced: 'True/JobRead',
        Suspended: 'True/Suspended',
      },
      'Current',
    ],
  ])('%s', (_, object, conditions, toGitOps) => {
    expect(conditionsOf(object)).toEqual(conditions);
    expect(kstatus(object)).toBe(toGitOps);
    expect(object.status.observedGeneration).toBe(object.metadata.generation);
  });
});

describe('from one state to the next', () => {
  it.each<[string, CloudJob, Observation]>([
    ['job not found', after(cloudJob(), failed('notFound'), 200, { unobservedMs: 200_000 }), read('Running')],
    ['job vanished', after(followed('Running'), failed('notFound'), 200), read('Running')],
    [
      'credentials rejected',
      after(cloudJob(), failed('unauthorized'), 700, UNOBSERVED_FOR_11_MINUTES),
      read('Running'),
    ],
    [
      'cloud unavailable',
      after(followed('Running'), failed('transient'), 700, UNOBSERVED_FOR_11_MINUTES),
      read('Running'),
    ],
    ['unknown phase', after(cloudJob(), read('Hibernating')), read('Running')],
    [
      'spec not usable',
      after(cloudJob(), { kind: 'invalidSpec', message: 'no such region' }),
      read('Running'),
    ],
  ])('heals after: %s', (_, object, observation) => {
    const healed = after(object, observation, 800);

    expect(conditionsOf(healed)).toEqual(conditionsOf(followed('Running')));
  });

  it('stays stalled after a restart until the cloud is reached', () => {
    const stalled = after(followed('Running'), failed('transient'), 700, UNOBSERVED_FOR_11_MINUTES);

    const restarted = after(stalled, failed('transient'), 710, HEALTHY);

    expect(restarted.status).toEqual(stalled.status);
  });

  it('counts refusals since before a restart', () => {
    const refused = after(followed('Running'), failed('unauthorized'), 100);

    const restarted = after(refused, failed('unauthorized'), 701, HEALTHY);

    expect(conditionsOf(restarted).Stalled).toBe('True/CredentialsRejected');
  });

  it('keeps a vanished job vanished while the cloud cannot be reached', () => {
    const vanished = after(followed('Running'), failed('notFound'), 100);

    const unreachable = after(vanished, failed('transient'), 110);

    expect(unreachable.status).toEqual(vanished.status);
  });

  it('becomes overdue between two polls when the last one failed', () => {
    const waiting = after(cloudJob({ observationDeadlineSeconds: 5 }), failed('throttled'), 1);

    const late = after(waiting, NOTHING, 6, {
      unobservedMs: 6_000,
      lastFailure: THROTTLED,
    });

    expect(conditionsOf(late).Stalled).toBe('True/CloudThrottled');
  });

  it('lets the deadline of an unfinished job pass while the cloud cannot be reached', () => {
    const running = followed('Running', { activeDeadlineSeconds: 60 });

    const late = after(running, failed('transient'), 61, { unobservedMs: 60_000 });

    expect(conditionsOf(late).Stalled).toBe('True/DeadlineExceeded');
  });

  it('clears DeadlineExceeded when the job succeeds after all', () => {
    const late = after(cloudJob({ activeDeadlineSeconds: 60 }), read('Running'), 60);

    const done = after(late, read('Success'), 90);

    expect(conditionsOf(done)).toEqual(conditionsOf(followed('Success')));
  });

  it("counts activeDeadlineSeconds from the job's creation by the cloud's clock", () => {
    const startTime = new Date(CREATED - 3_600_000).toISOString();

    const object = after(cloudJob({ activeDeadlineSeconds: 1800 }), read('Running', { startTime }), 1);

    expect(conditionsOf(object).Stalled).toBe('True/DeadlineExceeded');
  });

  it('resumes where it was suspended', () => {
    const running = followed('Running');
    const suspended = after(edited(running, { suspend: true }), NOTHING, 10);

    const resumed = after(edited(suspended, { suspend: false }), NOTHING, 20);

    expect(conditionsOf(resumed)).toEqual(conditionsOf(running));
  });

  it("says nothing of job A when the spec names job B, as an old API server's users can do", () => {
    const finished = followed('Success');

    const changed = after(edited(finished, { jobID: 'another-job' }), NOTHING, 10);

    expect(conditionsOf(changed)).toEqual(conditionsOf(after(cloudJob(), NOTHING)));
    expect(changed.status.phase).toBeUndefined();
    expect(changed.status.progress).toBeUndefined();
    expect(changed.status.jobID).toBe('another-job');
  });

  it('moves lastTransitionTime only when a status flips', () => {
    const initializing = after(cloudJob(), read('Initializing'), 1);

    const running = after(initializing, read('Running'), 50);
    const success = after(running, read('Success'), 70);

    expect(findCondition(running.status.conditions, 'Ready')?.lastTransitionTime).toBe(
      '2026-03-01T10:00:01Z',
    );
    expect(findCondition(success.status.conditions, 'Ready')?.lastTransitionTime).toBe(
      '2026-03-01T10:01:10Z',
    );
    expect(findCondition(success.status.conditions, 'Synced')?.lastTransitionTime).toBe(
      '2026-03-01T10:00:01Z',
    );
  });

  it.each([
    ['the cloud forgets it', failed('notFound')],
    ['the cloud rejects the credentials', failed('unauthorized')],
    ['the cloud is down', failed('transient')],
  ])('a finished job stays as it ended when %s', (_, observation) => {
    const finished = followed('Success');

    const later = after(finished, observation, 5_000, UNOBSERVED_FOR_11_MINUTES);

    expect(later.status).toEqual(finished.status);
  });
});

describe('a poll that somebody requested', () => {
  it.each([
    ['runs', 'Running', 'Unknown/JobRunning'],
    ['ended otherwise', 'Failed', 'False/JobFailed'],
  ])('shows what the cloud says now, also of a finished job that %s', (_, phase, ready) => {
    expect(conditionsOf(after(followed('Success'), read(phase)))).toMatchObject({ Ready: ready });
  });

  const requested = cloudJob({}, { annotations: { 'cloudjob.dev/requestedAt': '2026-03-01T10:05:00Z' } });

  it('is echoed once it happened', () => {
    expect(after(requested, read('Running')).status.lastHandledReconcileAt).toBe('2026-03-01T10:05:00Z');
  });

  it('is echoed also when it failed', () => {
    expect(after(requested, failed('transient')).status.lastHandledReconcileAt).toBe('2026-03-01T10:05:00Z');
  });

  it('is not echoed before it happened', () => {
    expect(after(requested, NOTHING).status.lastHandledReconcileAt).toBeUndefined();
  });

  it('keeps the echo when the annotation goes away', () => {
    const handled = after(requested, read('Running'));

    const later = after({ ...cloudJob(), status: handled.status }, read('Running'));

    expect(later.status.lastHandledReconcileAt).toBe('2026-03-01T10:05:00Z');
  });
});

describe('what happens next', () => {
  function next(object: CloudJob, observation: Observation, afterSeconds = 1, history = HEALTHY) {
    return decide(object, observation, CREATED + afterSeconds * 1000, history).requeue;
  }

  it.each<[string, CloudJob, Observation]>([
    ['a finished job', cloudJob(), read('Success')],
    ['a suspended one', cloudJob({ suspend: true }), NOTHING],
    ['a spec that cannot be read', cloudJob({ jobID: '' }), NOTHING],
    [
      'a finished job that a GitOps tool tracks, whatever its ttl',
      cloudJob(
        { ttlSecondsAfterFinished: 0 },
        { annotations: { 'argocd.argoproj.io/tracking-id': 'app:cloudjob.dev/CloudJob:infra/scale-up' } },
      ),
      read('Success'),
    ],
    [
      'a finished job whose spec Terraform writes, whatever its ttl',
      cloudJob(
        { ttlSecondsAfterFinished: 0 },
        { managedFields: [{ manager: 'Terraform', fieldsV1: { 'f:spec': { 'f:jobID': {} } } }] },
      ),
      read('Success'),
    ],
  ])('nothing for %s', (_, object, observation) => {
    expect(next(object, observation)).toEqual({ kind: 'rest' });
  });

  it('another poll for an unfinished job', () => {
    expect(next(cloudJob(), read('Running'))).toEqual({ kind: 'poll', withinMs: Infinity });
  });

  it.each<[string, CloudJob, Observation, History, number]>([
    ['its activeDeadlineSeconds', cloudJob({ activeDeadlineSeconds: 90 }), read('Running'), HEALTHY, 80_000],
    ['its observationDeadlineSeconds', cloudJob(), failed('transient'), { unobservedMs: 10_000 }, 590_000],
    ['the grace time of an unknown job', cloudJob(), failed('notFound'), { unobservedMs: 10_000 }, 110_000],
  ])('a poll at the latest when it reaches %s', (_, object, observation, history, withinMs) => {
    expect(next(object, observation, 10, history)).toEqual({ kind: 'poll', withinMs });
  });

  it('deletion of an object whose owner would create it again, when somebody insists', () => {
    const object = cloudJob(
      { ttlSecondsAfterFinished: 60 },
      { ownerReferences: [{ kind: 'Workflow', name: 'w' }], annotations: { 'cloudjob.dev/ttl': 'always' } },
    );

    expect(next(object, read('Success')).kind).toBe('delete');
  });

  it('deletion when the object has outlived its ttl, counted from when the job was seen to have finished', () => {
    const finished = after(cloudJob({ ttlSecondsAfterFinished: 60 }), read('Failed'), 100);

    expect(next(finished, NOTHING, 130)).toEqual({ kind: 'delete', afterMs: 30_000 });
    expect(next(finished, NOTHING, 170)).toEqual({ kind: 'delete', afterMs: -10_000 });
  });
});

describe('transitions', () => {
  function events(object: CloudJob, observation: Observation, history = HEALTHY): string[] {
    return decide(object, observation, CREATED + 1000, history).transitions.map(
      ({ type, reason }) => `${type} ${reason}`,
    );
  }

  const withFailedNode = {
    subJobs: [
      { id: 'n1', type: 'InstallNode', phase: 'Failed', reason: 'disk', extendParam: {}, subJobs: [] },
    ],
  };
  it.each<[string, CloudJob, Observation, string[]]>([
    ['the first poll', cloudJob(), read('Running'), ['Normal Observed']],
    ['another phase', followed('Initializing'), read('Running'), ['Normal PhaseChanged']],
    ['success', followed('Running'), read('Success'), ['Normal Succeeded']],
    ['failure', followed('Running'), read('Failed'), ['Warning Failed']],
    ['a job that the cloud runs again', followed('Failed'), read('Running'), ['Normal Restarted']],
    ['a failed sub-job', followed('Running'), read('Running', withFailedNode), ['Warning SubJobFailed']],
    ['rejected credentials', followed('Running'), failed('unauthorized'), ['Warning CredentialsRejected']],
    ['throttling', followed('Running'), failed('throttled'), ['Warning Throttled']],
    ['a vanished job', followed('Running'), failed('notFound'), ['Warning Stalled']],
    ['recovery', after(followed('Running'), failed('notFound'), 1), read('Running'), ['Normal Recovered']],
    ['nothing new', followed('Running'), read('Running'), []],
    ['nothing read', followed('Running'), NOTHING, []],
  ])('of %s', (_, object, observation, expected) => {
    expect(events(object, observation)).toEqual(expected);
  });

  it('record throttling once, not at every poll', () => {
    const history: History = {
      unobservedMs: 0,
      lastFailure: THROTTLED,
    };

    expect(events(followed('Running'), failed('throttled'), history)).toEqual([]);
  });

  describe("have the request ID of the failed poll behind them, for the cloud's support:", () => {
    const failedWith = (kind: CloudErrorClass, requestID: string): Observation => ({
      kind: 'error',
      error: { class: kind, message: 'no', requestID },
    });
    const idsOf = (object: CloudJob, observation: Observation, history = HEALTHY): unknown[] =>
      decide(object, observation, CREATED + 700_000, history).transitions.map(({ reason, requestID }) => [
        reason,
        requestID,
      ]);

    it.each<[string, CloudErrorClass]>([
      ['CredentialsRejected', 'unauthorized'],
      ['CredentialsRejected', 'forbidden'],
      ['Throttled', 'throttled'],
      ['Stalled', 'notFound'],
    ])('%s (%s)', (reason, kind) => {
      expect(idsOf(followed('Running'), failedWith(kind, 'r-1'))).toEqual([[reason, 'r-1']]);
    });

    it('Stalled, when a poll fails after the deadline', () => {
      expect(idsOf(followed('Running'), failedWith('transient', 'r-2'), UNOBSERVED_FOR_11_MINUTES)).toEqual([
        ['Stalled', 'r-2'],
      ]);
    });

    it('Stalled, when the deadline passes after the poll', () => {
      const lastFailure = failureOf(failedWith('transient', 'r-3'));

      expect(idsOf(followed('Running'), NOTHING, { ...UNOBSERVED_FOR_11_MINUTES, lastFailure })).toEqual([
        ['Stalled', 'r-3'],
      ]);
    });

    it('but no stall that is not of a failed poll', () => {
      const late = followed('Running', { activeDeadlineSeconds: 60 });
      const lastFailure = failureOf(failedWith('transient', 'r-4'));

      expect(idsOf(late, NOTHING, { unobservedMs: 1000, lastFailure })).toEqual([['Stalled', undefined]]);
    });

    it('outside of their key and of the status', () => {
      const first = decide(followed('Running'), failedWith('forbidden', 'r-5'), CREATED, HEALTHY);
      const other = decide(followed('Running'), failedWith('forbidden', 'r-6'), CREATED, HEALTHY);

      expect(first.transitions.map(({ key }) => key)).toEqual(other.transitions.map(({ key }) => key));
      expect(first.status).toEqual(other.status);
      expect(JSON.stringify(first.status)).not.toContain('r-5');
    });
  });

  describe('have a key', () => {
    const keys = (object: CloudJob, observation: Observation, at = 1): string[] =>
      decide(object, observation, CREATED + at * 1000, HEALTHY).transitions.map(({ key }) => key);
    const waiting = after(cloudJob(), NOTHING, 1);

    it.each<[string, CloudJob, Observation, CloudJob, Observation]>([
      ['the job has moved on', followed('Running'), read('Failed'), followed('Running'), read('Failed', {})],
      ['the wait was reported first', cloudJob(), read('Running'), waiting, read('Initializing')],
      ['the wait was reported first', cloudJob(), failed('unauthorized'), waiting, failed('unauthorized')],
      ['the job runs again', followed('Failed'), read('Running'), followed('Failed'), read('Initializing')],
      [
        'the sub-job says more',
        followed('Running'),
        read('Running', withFailedNode),
        followed('Running'),
        read('Running', { subJobs: [{ ...withFailedNode.subJobs[0]!, reason: 'disk is full' }] }),
      ],
    ])('that is the same when a pass starts again after %s', (_, object, observation, again, later) => {
      expect(keys(again, later, 99)).toEqual(keys(object, observation));
      expect(keys(object, observation)).toHaveLength(1);
    });

    it('that is different for each spell of trouble', () => {
      const first = after(followed('Running'), failed('unauthorized'), 60);
      const mended = after(first, read('Running'), 120);
      const second = after(mended, failed('unauthorized'), 180);

      expect(keys(mended, failed('unauthorized'))).not.toEqual(
        keys(followed('Running'), failed('unauthorized')),
      );
      expect(keys(second, read('Running'))).not.toEqual(keys(first, read('Running')));
    });

    it('that is the same for an end when the wait was recorded first', () => {
      const ofEnd = (object: CloudJob): string[] => keys(object, read('Success'), 99);

      expect(ofEnd(waiting)).toEqual(ofEnd(cloudJob()));
    });

    it('that is the same for an end that is decided again from a stale copy', () => {
      const end = read('Success', { updateTime: '2026-01-01T00:10:00Z' });
      const ofEnd = (object: CloudJob): string[] =>
        keys(object, end).filter((key) => key.includes('Succeeded'));

      expect(ofEnd(cloudJob())).toHaveLength(1);
      expect(ofEnd(followed('Running'))).toEqual(ofEnd(cloudJob()));
    });

    it('that is different for each time that the job ends', () => {
      const first = after(followed('Running'), read('Failed'), 60);
      const again = after(first, read('Running'), 120);

      expect(keys(again, read('Failed'))).not.toEqual(keys(followed('Running'), read('Failed')));
    });

    it('that is different for each time that the job comes to a phase', () => {
      const at = (updateTime: string): CloudJob => after(cloudJob(), read('Initializing', { updateTime }), 1);

      expect(keys(at('2026-01-01T00:00:00Z'), read('Running'))).not.toEqual(
        keys(at('2026-01-01T00:01:00Z'), read('Running')),
      );
    });
  });

  it('warns about a ttl that is ignored', () => {
    const object = cloudJob(
      { ttlSecondsAfterFinished: 1 },
      { labels: { 'kustomize.toolkit.fluxcd.io/name': 'infra' } },
    );

    expect(events(object, read('Success'))).toEqual([
      'Normal Observed',
      'Normal Succeeded',
      'Warning TTLIgnored',
    ]);
  });
});

describe('the message', () => {
  it('names the deepest failed sub-job and its reason', () => {
    const object = after(
      cloudJob(),
      read('Failed', {
        resourceName: 'pool-a',
        reason: 'Something bad happened at server',
        subJobs: [
          {
            id: 'a',
            type: 'CreateNode',
            phase: 'Failed',
            reason: 'Failed to create node(s)',
            extendParam: {},
            subJobs: [
              {
                id: 'b',
                type: 'InstallNode',
                resourceName: 'node-7',
                phase: 'Failed',
                reason: 'the disk is too small',
                extendParam: {},
                subJobs: [],
              },
            ],
          },
        ],
      }),
    );

    expect(object.status.message).toBe(
      'CreateNode of pool-a has failed: InstallNode of node-7: the disk is too small',
    );
    expect(object.status.reason).toBe('Something bad happened at server');
    expect(after(object, NOTHING, 99).status).toEqual(object.status);
  });

  it('names the job that the cloud does not know, and what to check', () => {
    const { message } = after(cloudJob(), failed('notFound'), 200, { unobservedMs: 200_000 }).status;

    expect(message).toContain(JOB_ID);
    expect(message).toContain('of Standard clusters');
    expect(message).toContain('spec.projectID');
  });
});

describe('a job in a phase that nobody documented', () => {
  const unknown = followed('Cancelled');
  const stalledOne = after(unknown, read('Cancelled'), 601, UNCHANGED_FOR_10_MINUTES);

  it('keeps its word, says what to check, and is polled on', () => {
    const decision = decide(unknown, read('Cancelled'), CREATED + 601_000, UNCHANGED_FOR_10_MINUTES);

    expect(decision.status).toMatchObject({
      phase: 'Cancelled',
      message: expect.stringMatching(
        /undocumented phase "Cancelled" and has not changed for spec\.observationDeadlineSeconds; check/,
      ),
    });
    expect(decision.requeue).toEqual({ kind: 'poll', withinMs: Infinity });
    expect(decision.transitions.map(({ reason }) => reason)).toEqual(['Stalled']);
  });

  it('is not Stalled before, and comes back in time for that', () => {
    const history = { unobservedMs: 0, unchangedMs: 590_000 };
    const decision = decide(unknown, read('Cancelled'), CREATED + 591_000, history);

    expect(findCondition(decision.status.conditions, 'Stalled')).toBeUndefined();
    expect(decision.requeue).toEqual({ kind: 'poll', withinMs: 10_000 });
  });

  it('is Stalled no more when the job changes', () => {
    const changed = after(stalledOne, read('Cancelling'), 602, UNCHANGED_FOR_10_MINUTES);
    const known = after(stalledOne, read('Success'), 602, UNCHANGED_FOR_10_MINUTES);

    expect(conditionsOf(changed)).toMatchObject({ Reconciling: 'True/UnknownPhase' });
    expect(conditionsOf(known)).toMatchObject({ Ready: 'True/JobSucceeded', Settled: 'True/JobSucceeded' });
    expect(findCondition(known.status.conditions, 'Stalled')).toBeUndefined();
  });

  it('stays Stalled after a restart, which forgets for how long', () => {
    const { differs } = decide(stalledOne, read('Cancelled'), CREATED + 700_000, HEALTHY);

    expect(differs).toBe(false);
  });
});

describe('a failed job of which the budget left causes unread', () => {
  const left: Observation = { kind: 'job', job: job('Failed'), causesLeft: ['sub-job'] };
  const unread = after(cloudJob(), left);

  it('is reported as failed at once, and polled on', () => {
    expect(conditionsOf(unread)).toMatchObject({ Stalled: 'True/JobFailed', Synced: 'True/CausesUnread' });
    expect(decide(unread, NOTHING, CREATED + 2_000, HEALTHY)).toMatchObject({
      differs: false,
      requeue: { kind: 'poll' },
    });
  });

  it.each([
    ['the causes are read', read('Failed')],
    ['the cloud does not answer', failed('transient')],
    ['the cloud knows the job no more', failed('notFound')],
  ])('rests when %s', (_name, observation) => {
    const decision = decide(unread, observation, CREATED + 2_000, HEALTHY);

    expect(findCondition(decision.status.conditions, 'Synced')?.reason).toBe('JobRead');
    expect(decision.requeue).toEqual({ kind: 'rest' });
  });

  it('rests when it is suspended', () => {
    const suspended = edited(unread, { suspend: true });

    expect(decide(suspended, NOTHING, CREATED + 2_000, HEALTHY).requeue).toEqual({ kind: 'rest' });
  });
});
