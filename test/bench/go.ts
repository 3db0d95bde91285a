/**
 * A controller in Go on client-go (informer, work queue, 32 workers, typed JSON, fixed 5 s polls, a merge patch when
 * something changed; no events, no Lease), measured once on the same control plane on a machine like that of the bench. Go is
 * no part of the bench's world, so these figures are not measured again with each run.
 */
export const GO = {
  name: 'Go controller',
  cloudJobs: 5_000,
  firstPerSecond: 192,
  /** First statuses per second, of those of the bare patch loop's two passes in the same run. */
  ofFirstPass: 0.63,
  ofSecondPass: 0.74,
  firstCpuMs: 1.7,
  pollCpuMs: 0.28,
  firstResidentMB: 122,
  pollResidentMB: 165,
  emptyResidentMB: 30,
} as const;
