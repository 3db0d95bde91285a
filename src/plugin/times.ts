import { classifyPhase, isTerminal } from '../cloud/phase.js';

/** The times that a job and a sub-job have in common, by the cloud's clock. */
interface Timed {
  readonly phase?: string | undefined;
  readonly startTime?: string | undefined;
  readonly updateTime?: string | undefined;
  readonly completionTime?: string | undefined;
}

/**
 * The duration of a job in milliseconds: until its end, or until `now` while it is unfinished. Undefined for a job that has
 * not begun, for one without a start time, and for a finished one without an end time.
 */
export function durationMs(job: Timed, now: number): number | undefined {
  if (job.startTime === undefined || classifyPhase(job.phase) === 'initializing') return undefined;
  // The v3 API has no end time of sub-jobs; a finished one does not change, so its last change is its end.
  const end = isTerminal(job.phase) ? (job.completionTime ?? job.updateTime) : undefined;
  if (end === undefined && isTerminal(job.phase)) return undefined;
  // The cloud's clock may be ahead of this one.
  return Math.max(0, (end === undefined ? now : Date.parse(end)) - Date.parse(job.startTime));
}
