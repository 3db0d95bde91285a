import { goTime } from './goTime.js';
import type { JobTree } from './script.js';

/** A job as `GET /api/v3/projects/{project_id}/jobs/{job_id}` answers it. `at` turns script seconds into epoch ms. */
export function jobV3(
  tree: JobTree,
  frameAt: number,
  at: (seconds: number) => number,
): Record<string, unknown> {
  return {
    kind: 'Job',
    apiVersion: 'v3',
    metadata: metadata(tree, frameAt, at),
    spec: {
      type: tree.type,
      clusterUID: tree.clusterUID,
      resourceID: tree.resourceID,
      resourceName: tree.resourceName,
      extendParam: tree.extendParam,
      subJobs: tree.subJobs?.map((subJob) => jobV3(subJob, frameAt, at)),
    },
    ...(tree.phase === undefined ? {} : { status: { phase: tree.phase, reason: tree.reason } }),
  };
}

/** The same job as the v2 API answers it: keys in lower case, and `status.status` for the phase. */
export function jobV2(
  tree: JobTree,
  frameAt: number,
  at: (seconds: number) => number,
): Record<string, unknown> {
  const times = metadata(tree, frameAt, at);
  const ended = tree.phase === 'Success' || tree.phase === 'Failed';
  return {
    kind: 'Job',
    apiVersion: 'v2',
    metadata: times,
    spec: {
      type: tree.type,
      clusteruid: tree.clusterUID,
      resourceid: tree.resourceID,
      resourcename: tree.resourceName,
      extendparam: tree.extendParam,
      subjobs: tree.subJobs?.map((subJob) => jobV2(subJob, frameAt, at)),
    },
    ...(tree.phase === undefined
      ? {}
      : {
          status: {
            status: tree.phase,
            reason: tree.reason,
            ...(ended ? { completionTime: times.updateTimestamp } : {}),
          },
        }),
  };
}

function metadata(tree: JobTree, frameAt: number, at: (seconds: number) => number) {
  return {
    uid: tree.id,
    creationTimestamp: goTime(at(tree.createdAt ?? 0), tree.id),
    updateTimestamp: goTime(at(tree.updatedAt ?? frameAt), tree.id),
  };
}
