import type { CloudJob } from '../api/cloudjob.js';
import { findCondition } from '../api/conditions.js';

/**
 * How a CloudJob's job came out, as far as its status says:
 * - `pending`: it is under way, or the operator has yet to observe this spec.
 * - `unknown`: it may stay open, unless somebody changes something.
 */
export type Outcome =
  { readonly kind: 'pending' | 'succeeded' | 'failed' } | { readonly kind: 'unknown'; readonly why: string };

export function outcomeOf({ metadata, spec, status }: CloudJob): Outcome {
  const { conditions } = status;
  // An old API server lets the jobID change; the status is then still another job's.
  const isAboutThisJob = status.jobID !== undefined && status.jobID === spec.jobID;
  if (isAboutThisJob && findCondition(conditions, 'Finished')?.status === 'True') {
    return { kind: findCondition(conditions, 'Succeeded')?.status === 'True' ? 'succeeded' : 'failed' };
  }
  if (status.observedGeneration !== metadata.generation) return { kind: 'pending' };
  const stalled = findCondition(conditions, 'Stalled');
  if (stalled?.status === 'True')
    return { kind: 'unknown', why: `Stalled, ${stalled.reason}: ${stalled.message}` };
  if (findCondition(conditions, 'Suspended')?.status === 'True') {
    return { kind: 'unknown', why: 'it is suspended: nobody polls the job until spec.suspend is false' };
  }
  return { kind: 'pending' };
}
