import { humanDuration } from '../../terminal/duration.js';
import { gridLines } from '../../terminal/grid.js';
import type { Paint } from '../../terminal/paint.js';
import type { DiscoveredJob } from '../discovery.js';

const TITLES = ['TYPE', 'PHASE', 'RESOURCE', 'CREATED', 'JOB-ID', 'CLOUDJOB'];

/** A line for each job, in the order given, below a line of titles. */
export function discoveredLines(jobs: readonly DiscoveredJob[], now: number, paint: Paint): string[] {
  const rows = jobs.map(({ job, name, isFollowed }) => [
    job.type ?? '',
    job.phase ?? '',
    job.resourceName ?? '',
    job.startTime === undefined ? '' : humanDuration(Math.max(0, now - Date.parse(job.startTime))),
    job.id,
    isFollowed ? name : '',
  ]);
  return gridLines([TITLES.map((title) => paint.bold(title)), ...rows]);
}
