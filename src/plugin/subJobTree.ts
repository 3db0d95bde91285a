import type { CloudJobStatus, SubJobStatus } from '../api/cloudjob.js';
import { classifyPhase } from '../cloud/phase.js';

/** A sub-job and its own sub-jobs. */
export interface SubJobNode {
  readonly subJob: SubJobStatus;
  readonly children: readonly SubJobNode[];
}

/**
 * The flat list of a status as a tree, siblings in the order of the list: failed first, then unfinished, then done. Every
 * sub-job is in it exactly once: if its parent is not listed, or is below the sub-job itself, it is at the top.
 */
export function treeOf({ subJobs = [] }: Pick<CloudJobStatus, 'subJobs'>): SubJobNode[] {
  const byID = new Map<string, SubJobStatus>();
  for (const subJob of subJobs) {
    if (subJob.id !== undefined && !byID.has(subJob.id)) byID.set(subJob.id, subJob);
  }
  const children = new Map<SubJobStatus | undefined, SubJobStatus[]>();
  for (const subJob of subJobs) {
    const parent = isInCircle(subJob, byID) ? undefined : parentOf(subJob, byID);
    children.set(parent, [...(children.get(parent) ?? []), subJob]);
  }
  const build = (parent: SubJobStatus | undefined): SubJobNode[] =>
    (children.get(parent) ?? []).map((subJob) => ({ subJob, children: build(subJob) }));
  return build(undefined);
}

function parentOf(
  { parentID }: SubJobStatus,
  byID: ReadonlyMap<string, SubJobStatus>,
): SubJobStatus | undefined {
  return parentID === undefined ? undefined : byID.get(parentID);
}

/** Whether the parents of the sub-job lead back to it. */
function isInCircle(subJob: SubJobStatus, byID: ReadonlyMap<string, SubJobStatus>): boolean {
  let above = parentOf(subJob, byID);
  // The number of steps is limited, because the parents may form a circle without it.
  for (let steps = 0; above !== undefined && steps <= byID.size; steps += 1) {
    if (above === subJob) return true;
    above = parentOf(above, byID);
  }
  return false;
}

/** The number of leaves below that have succeeded. */
export function leavesOf({ children }: SubJobNode): { readonly done: number; readonly total: number } {
  let done = 0;
  let total = 0;
  for (const child of children) {
    if (child.children.length === 0) {
      total += 1;
      if (classifyPhase(child.subJob.phase) === 'succeeded') done += 1;
    } else {
      const below = leavesOf(child);
      total += below.total;
      done += below.done;
    }
  }
  return { done, total };
}
