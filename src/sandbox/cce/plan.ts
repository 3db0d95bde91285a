import type { JobFrame, JobTree } from './script.js';

/** A job by the start and end of its parts, which is easier to write than frames. */
export interface JobPlan {
  readonly id: string;
  readonly type: string;
  readonly clusterUID?: string;
  readonly resourceID?: string;
  readonly resourceName?: string;
  readonly extendParam?: Readonly<Record<string, string>>;
  /** Seconds after the start at which it turns from Initializing to Running. */
  readonly from: number;
  /** Seconds after the start at which it ends; parts with a later start never begin. */
  readonly to: number;
  readonly outcome?: 'Success' | 'Failed';
  /** Shown after it has failed. */
  readonly reason?: string;
  /** Without a status, like real middle levels. */
  readonly withoutStatus?: boolean;
  readonly subJobs?: readonly JobPlan[];
}

/** The frames of a plan: one for each moment at which something changes. */
export function framesOf(plan: JobPlan): JobFrame[] {
  const moments = new Set([0, ...momentsOf(plan).filter((at) => at <= plan.to)]);
  return [...moments].toSorted((a, b) => a - b).map((at) => ({ at, tree: rootAt(plan, at) }));
}

function momentsOf(plan: JobPlan): number[] {
  return [plan.from, plan.to, ...(plan.subJobs ?? []).flatMap(momentsOf)];
}

/** Jobs that have not begun show neither sub-jobs nor their resource. */
function rootAt(plan: JobPlan, at: number): JobTree {
  if (at >= plan.from) return treeAt(plan, at, 0);
  const { resourceID: _, resourceName: __, subJobs: ___, ...bare } = plan;
  return treeAt(bare, at, 0);
}

function treeAt(plan: JobPlan, at: number, createdAt: number): JobTree {
  const { id, type, clusterUID, resourceID, resourceName, extendParam, from, to, subJobs } = plan;
  return {
    id,
    type,
    clusterUID,
    resourceID,
    resourceName,
    extendParam,
    createdAt,
    updatedAt: [to, from].find((moment) => moment <= at) ?? createdAt,
    ...(plan.withoutStatus === true ? {} : statusAt(plan, at)),
    ...(subJobs === undefined ? {} : { subJobs: subJobs.map((subJob) => treeAt(subJob, at, from)) }),
  };
}

function statusAt(
  { from, to, outcome = 'Success', reason }: JobPlan,
  at: number,
): Pick<JobTree, 'phase' | 'reason'> {
  if (at < from) return { phase: 'Initializing' };
  if (at < to) return { phase: 'Running', reason: '' };
  return outcome === 'Failed' ? { phase: 'Failed', reason: reason ?? '' } : { phase: 'Success' };
}
