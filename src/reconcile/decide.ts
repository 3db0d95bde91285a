import { mergeConditions } from '../api/conditions.js';
import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import { withoutUndefined } from '../fields.js';
import { conditionsFor } from './conditionTable.js';
import { nextStep, type Next } from './next.js';
import type { Finding, History } from './finding.js';
import { aboutItsJob, learn } from './known.js';
import { describeSituation } from './message.js';
import { requestedAt } from './request.js';
import { judge } from './situation.js';
import { transitionEvents, type TransitionEvent } from './transitions.js';

export interface Decision {
  readonly status: CloudJobStatus;
  /** What changed, for people; empty when nothing did. */
  readonly events: readonly TransitionEvent[];
  readonly next: Next;
}

/**
 * What the status of a CloudJob is to be, given what this pass learnt. Pure: deciding again on the outcome with nothing
 * new changes nothing.
 *
 * @param now wall clock in milliseconds since the epoch
 */
export function decide(object: CloudJob, finding: Finding, now: number, history: History): Decision {
  const cloudJob = aboutItsJob(object);
  const { metadata, spec, status: before } = cloudJob;
  const job = learn(cloudJob, finding);
  const situation = judge(cloudJob, job, finding, now, history);
  const message =
    situation.kind === 'asBefore' ? (before.message ?? '') : describeSituation(situation, cloudJob, job);
  const previous = before.conditions ?? [];
  const wanted = conditionsFor(situation, previous, 'problems' in spec ? {} : spec, message);
  const answered = finding.kind === 'none' ? undefined : requestedAt(cloudJob);

  const status: CloudJobStatus = {
    observedGeneration: metadata.generation,
    ...job,
    jobID: spec.jobID ?? before.jobID,
    message,
    lastHandledReconcileAt: answered ?? before.lastHandledReconcileAt,
    conditions: mergeConditions(previous, wanted, metadata.generation, now),
  };
  return {
    status: withoutUndefined(status),
    events: transitionEvents(cloudJob, status, finding, history),
    next: nextStep(cloudJob, job, situation, status, finding, now, history),
  };
}
