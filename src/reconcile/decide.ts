import { isDeepStrictEqual } from 'node:util';
import { findCondition, mergeConditions } from '../api/conditions.js';
import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import type { Observation } from '../cloud/observation.js';
import { withoutUndefined } from '../fields.js';
import {
  aboutItsJob,
  isDeletedAfterFinish,
  isUnverified,
  knownJob,
  readableSpec,
  requestedAt,
} from './cloudJob.js';
import { conditionsFor } from './conditions.js';
import { classify, verifiesEnd, type History, type JobState } from './jobState.js';
import { describeState } from './message.js';
import {
  activeDeadlineLeft,
  graceLeft,
  isSameState,
  observationDeadlineLeft,
  unknownPhaseLeft,
} from './schedule.js';
import { summarise, type JobSummary, type StatusLength } from './summary.js';
import { transitionsBetween, type Transition } from './transitions.js';

/** The next action if no change comes first. */
export type Requeue =
  /** Nothing, until the object changes. */
  | { readonly kind: 'rest' }
  /** The next poll; but at the latest in `withinMs` (maybe Infinity), when a deadline is due. */
  | { readonly kind: 'poll'; readonly withinMs: number }
  /** The object's `ttlSecondsAfterFinished` ends in `afterMs` (0 or less: has ended). */
  | { readonly kind: 'delete'; readonly afterMs: number };

export interface Decision {
  readonly status: CloudJobStatus;
  /** Whether the status differs from the one before. */
  readonly differs: boolean;
  /** Whether a job's end that somebody else wrote was verified: the operator then takes over the field. */
  readonly adoptsPhase: boolean;
  /** Whether the job's state differs from the status before. */
  readonly jobChanged: boolean;
  /** What changed, for people; empty when nothing did. */
  readonly transitions: readonly Transition[];
  readonly requeue: Requeue;
}

/**
 * Decides the status of a CloudJob from an observation. Pure: deciding again on the result without a new observation
 * changes nothing.
 *
 * @param now wall clock in milliseconds since the epoch
 */
export function decide(object: CloudJob, observation: Observation, now: number, history: History): Decision {
  const cloudJob = aboutItsJob(object);
  const { metadata, spec, status: before } = cloudJob;
  const job = jobAfter(cloudJob, observation, history.statusLength);
  const state = classify(cloudJob, job, observation, now, history);
  const message = state.kind === 'asBefore' ? (before.message ?? '') : describeState(state, cloudJob, job);
  const previous = before.conditions ?? [];
  const wanted = conditionsFor(state, previous, readableSpec(cloudJob), message);
  const handled = observation.kind === 'nothing' ? undefined : requestedAt(cloudJob);

  const status: CloudJobStatus = withoutUndefined({
    observedGeneration: metadata.generation,
    ...job,
    jobID: spec.jobID ?? before.jobID,
    message,
    lastHandledReconcileAt: handled ?? before.lastHandledReconcileAt,
    conditions: mergeConditions(previous, wanted, metadata.generation, now),
  });
  const differs = !isDeepStrictEqual(status, object.status);
  return {
    status,
    differs,
    adoptsPhase: isUnverified(cloudJob) && verifiesEnd(observation) && status.phase === before.phase,
    jobChanged: differs && !isSameState(job, knownJob(cloudJob)),
    transitions: transitionsBetween(cloudJob, status, observation, history),
    requeue: requeueFor(cloudJob, job, state, status, observation, now, history),
  };
}

/** What is known of the job after this observation. */
function jobAfter(cloudJob: CloudJob, observation: Observation, length?: StatusLength): JobSummary {
  const known = knownJob(cloudJob);
  if (observation.kind !== 'job' || cloudJob.spec.jobID === undefined) return known;
  return summarise(observation.job, length);
}

function requeueFor(
  cloudJob: CloudJob,
  job: JobSummary,
  state: JobState,
  status: CloudJobStatus,
  observation: Observation,
  now: number,
  { unobservedMs, unchangedMs = 0 }: History,
): Requeue {
  switch (state.kind) {
    case 'succeeded':
      return afterFinish(cloudJob, status, now);
    case 'failed':
      return state.hasUnreadCauses
        ? { kind: 'poll', withinMs: Infinity }
        : afterFinish(cloudJob, status, now);
    case 'suspended':
    case 'invalidSpec':
      return { kind: 'rest' };
    default: {
      const deadlines = [activeDeadlineLeft(cloudJob, job, now)];
      if (state.kind === 'jobNotFoundYet') deadlines.push(graceLeft(unobservedMs));
      if (state.kind === 'unknownPhase') deadlines.push(unknownPhaseLeft(cloudJob, job, unchangedMs));
      if (observation.kind !== 'job') deadlines.push(observationDeadlineLeft(cloudJob, now, unobservedMs));
      return { kind: 'poll', withinMs: Math.min(Infinity, ...deadlines.filter((left) => left > 0)) };
    }
  }
}

function afterFinish(cloudJob: CloudJob, status: CloudJobStatus, now: number): Requeue {
  const { ttlSecondsAfterFinished: seconds } = readableSpec(cloudJob);
  const finished = findCondition(status.conditions, 'Finished');
  if (seconds === undefined || finished === undefined || !isDeletedAfterFinish(cloudJob)) {
    return { kind: 'rest' };
  }
  // Counted from when the end was observed, on the cluster's clock: a CloudJob for a job that ended long ago is kept as
  // long as any other.
  return { kind: 'delete', afterMs: Date.parse(finished.lastTransitionTime) + seconds * 1000 - now };
}
