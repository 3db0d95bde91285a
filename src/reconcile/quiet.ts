import { isDeepStrictEqual } from 'node:util';
import type { JobSummary } from './summary.js';

/**
 * Whether two looks show a job in the same state. The time of its last update alone is no change: on a cloud that moves
 * it at every look, the job would be looked at as often as possible for ever.
 */
export function isSameState(one: JobSummary, other: JobSummary): boolean {
  return isDeepStrictEqual(withoutUpdateTimes(one), withoutUpdateTimes(other));
}

/**
 * For how long nothing has changed, by what a stored status tells: what a process goes by that has not seen the last
 * change itself. In milliseconds, 0 or more; 0 too when the cloud gives no times.
 *
 * @param now wall clock; the times are by the cloud's, and a difference costs no more than looks that come a bit too
 *   often or, within the maximum, too late
 */
export function quietMs({ updateTime, subJobs = [] }: JobSummary, now: number): number {
  const updates = [updateTime, ...subJobs.map((subJob) => subJob.updateTime)]
    .map((time) => Date.parse(time ?? ''))
    .filter((time) => !Number.isNaN(time));
  return updates.length === 0 ? 0 : Math.max(0, now - Math.max(...updates));
}

function withoutUpdateTimes({ updateTime: _, subJobs, ...rest }: JobSummary): object {
  return { ...rest, subJobs: subJobs?.map(({ updateTime: __, ...subJob }) => subJob) };
}
