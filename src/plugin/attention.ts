import type { CloudJob } from '../api/cloudjob.js';
import { findCondition } from '../api/conditions.js';
import { outcomeOf } from './outcome.js';

/** How urgently a CloudJob needs attention, the most urgent first. */
export const ATTENTION = ['needsSomebody', 'inTrouble', 'underWay', 'suspended', 'succeeded'] as const;

/**
 * - `needsSomebody`: its job failed, or it is stalled.
 * - `inTrouble`: the job cannot be read from the cloud at the moment; it may heal.
 */
export type Attention = (typeof ATTENTION)[number];

export function attentionOf(cloudJob: CloudJob): Attention {
  const { conditions } = cloudJob.status;
  const outcome = outcomeOf(cloudJob).kind;
  if (outcome === 'succeeded') return 'succeeded';
  if (outcome === 'failed' || findCondition(conditions, 'Stalled')?.status === 'True') return 'needsSomebody';
  if (findCondition(conditions, 'Suspended')?.status === 'True') return 'suspended';
  return findCondition(conditions, 'Synced')?.status === 'False' ? 'inTrouble' : 'underWay';
}

/** Most urgent first; among equals, the one that changed last. */
export function byAttention(cloudJobs: readonly CloudJob[]): CloudJob[] {
  return cloudJobs
    .map((cloudJob) => ({
      cloudJob,
      rank: ATTENTION.indexOf(attentionOf(cloudJob)),
      changedAt: changedAt(cloudJob),
    }))
    .toSorted((a, b) => a.rank - b.rank || b.changedAt - a.changedAt)
    .map(({ cloudJob }) => cloudJob);
}

/** Milliseconds since the epoch: when a condition last flipped, else when the object was created. */
function changedAt({ metadata, status }: CloudJob): number {
  const times = (status.conditions ?? []).map(({ lastTransitionTime }) => Date.parse(lastTransitionTime));
  return Math.max(Date.parse(metadata.creationTimestamp), ...times);
}
