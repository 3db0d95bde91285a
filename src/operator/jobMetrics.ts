import type { CloudJobStatus } from '../api/cloudjob.js';
import { classifyPhase, isTerminal } from '../cloud/phase.js';
import type { CacheEntry } from '../cluster/cloudJobStore.js';

const PHASES = ['initializing', 'running', 'succeeded', 'failed', 'unknown', 'none'] as const;

/** The number of CloudJobs by what their phase means; `none`: not observed yet. */
export function countPhases(objects: Iterable<Pick<CacheEntry, 'phase'>>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>(PHASES.map((phase) => [phase, 0]));
  for (const { phase } of objects) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return counts;
}

/** The end of a job, if it lies between the two statuses. The time runs from its creation, by the cloud's clock. */
export function endBetween(
  before: CloudJobStatus,
  after: CloudJobStatus,
): { readonly outcome: 'succeeded' | 'failed'; readonly seconds: number } | undefined {
  if (isTerminal(before.phase) || !isTerminal(after.phase)) return undefined;
  const seconds = (Date.parse(after.completionTime ?? '') - Date.parse(after.startTime ?? '')) / 1000;
  if (!(seconds >= 0)) return undefined;
  return { outcome: classifyPhase(after.phase) === 'succeeded' ? 'succeeded' : 'failed', seconds };
}
