import type { CloudJob } from '../api/cloudjob.js';
import { findCondition } from '../api/conditions.js';

/**
 * The outcome of a CloudJob's job, from its status:
 * - `pending`: the job is running, or the operator has not observed this spec yet.
 * - `unknown`: it may stay open until somebody changes something.
 */
export type Outcome =
  { readonly kind: 'pending' | 'succeeded' | 'failed' } | { readonly kind: 'unknown'; readonly why: string };

export function outcomeOf({ metadata, spec, status }: CloudJob): Outcome {
  const { conditions } = status;
  // An old API server lets the jobID change; the status may then be of the old job.
  const isAboutThisJob = status.jobID !== undefined && status.jobID === spec.jobID;
  if (isAboutThisJob && findCondition(conditions, 'Finished')?.status === 'True') {
    return { kind: findCondition(conditions, 'Succeeded')?.status === 'True' ? 'succeeded' : 'failed' };
  }
  if (status.observedGeneration !== metadata.generation) return { kind: 'pending' };
  const stalled = findCondition(conditions, 'Stalled');
  if (stalled?.status === 'True')
    return { kind: 'unknown', why: `Stalled, ${stalled.reason}: ${stalled.message}` };
  if (findCondition(conditions, 'Suspended')?.status === 'True') {
    return {
      kind: 'unknown',
      why: 'it is suspended: the operator does not poll the job until spec.suspend is false',
    };
  }
  return { kind: 'pending' };
}
