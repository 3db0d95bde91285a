import { findCondition } from '../api/conditions.js';
import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import { activeDeadlineLeft, graceLeft, observationDeadlineLeft } from './deadlines.js';
import type { Finding, History } from './finding.js';
import { isTracked } from './gitops.js';
import type { Situation } from './situation.js';
import type { JobSummary } from './summary.js';

/** What is to happen when nothing else calls for it. */
export type Next =
  /** Nothing, until the object changes. */
  | { readonly kind: 'rest' }
  /** Look at the job again: by the cadence, but in `withinMs` (maybe Infinity) at the latest, when a deadline falls due. */
  | { readonly kind: 'look'; readonly withinMs: number }
  /** The object's `ttlSecondsAfterFinished` ends in `afterMs` (0 or less: has ended). */
  | { readonly kind: 'delete'; readonly afterMs: number };

export function nextStep(
  cloudJob: CloudJob,
  job: JobSummary,
  situation: Situation,
  status: CloudJobStatus,
  finding: Finding,
  now: number,
  history: History,
): Next {
  switch (situation.kind) {
    case 'succeeded':
    case 'failed':
      return afterFinish(cloudJob, status, now);
    case 'suspended':
    case 'invalidSpec':
      return { kind: 'rest' };
    default: {
      const deadlines = [activeDeadlineLeft(cloudJob, job, now)];
      if (situation.kind === 'jobNotFoundYet') deadlines.push(graceLeft(cloudJob, now));
      if (finding.kind !== 'job') deadlines.push(observationDeadlineLeft(cloudJob, now, history));
      return { kind: 'look', withinMs: Math.min(Infinity, ...deadlines.filter((left) => left > 0)) };
    }
  }
}

function afterFinish({ metadata, spec }: CloudJob, status: CloudJobStatus, now: number): Next {
  const seconds = 'problems' in spec ? undefined : spec.ttlSecondsAfterFinished;
  const finished = findCondition(status.conditions, 'Finished');
  if (seconds === undefined || finished === undefined || isTracked(metadata)) return { kind: 'rest' };
  // From when it was seen to have finished, on the cluster's clock: a CloudJob made for a job that ended long ago
  // lives as long as any other.
  return { kind: 'delete', afterMs: Date.parse(finished.lastTransitionTime) + seconds * 1000 - now };
}
