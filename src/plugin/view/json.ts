import type { CloudJob } from '../../api/cloudjob.js';
import { findCondition } from '../../api/conditions.js';
import { outcomeOf } from '../outcome.js';
import { treeOf, type SubJobNode } from '../subJobTree.js';

/** A CloudJob and its tree for `-o json`; fields that the status lacks are left out. */
export function jobJSON(cloudJob: CloudJob) {
  const { metadata, spec, status } = cloudJob;
  const outcome = outcomeOf(cloudJob);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    jobID: spec.jobID,
    outcome: outcome.kind,
    why: outcome.kind === 'unknown' ? outcome.why : undefined,
    type: status.type,
    resourceName: status.resourceName,
    phase: status.phase,
    reason: status.reason,
    message: status.message,
    progress: status.progress,
    startTime: status.startTime,
    updateTime: status.updateTime,
    completionTime: status.completionTime,
    ready: findCondition(status.conditions, 'Ready')?.status,
    readyReason: findCondition(status.conditions, 'Ready')?.reason,
    subJobs: treeOf(status).map(nodeJSON),
    subJobsOmitted: status.subJobsOmitted ?? 0,
  };
}

interface NodeJSON {
  readonly subJobs?: readonly NodeJSON[];
}

function nodeJSON({ subJob: { parentID: _, ...subJob }, children }: SubJobNode): NodeJSON {
  return { ...subJob, ...(children.length === 0 ? {} : { subJobs: children.map(nodeJSON) }) };
}
