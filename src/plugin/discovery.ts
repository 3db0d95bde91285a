import type { CloudJob } from '../api/cloudjob.js';
import { readJob, type Job } from '../cloud/job.js';

/** A job in the list of a project's jobs. */
export interface DiscoveredJob {
  readonly job: Job & { readonly id: string };
  /** The CloudJob that already follows it, or the name for a new one. */
  readonly name: string;
  readonly isFollowed: boolean;
}

export interface JobFilter {
  readonly clusterUID: string | undefined;
  /** Not case-sensitive. */
  readonly type: string | undefined;
  /** Milliseconds: only jobs created within this time. A job without a time is left out. */
  readonly sinceMs: number | undefined;
}

/** The longest part of a resource's name in a CloudJob's name, so that it stays readable. */
const MAX_RESOURCE_LENGTH = 63;
const ID_LENGTH = 8;

/** The jobs in a list of the cloud that match the filter, newest first; entries that are not jobs are left out. */
export function discoverJobs(
  entries: readonly unknown[],
  filter: JobFilter,
  cloudJobs: readonly CloudJob[],
  now: number,
): DiscoveredJob[] {
  const followers = new Map(
    cloudJobs.map(({ metadata, spec }) => [spec.jobID?.toLowerCase(), metadata.name]),
  );
  const taken = new Set(cloudJobs.map(({ metadata }) => metadata.name));
  const jobs = entries
    .flatMap((entry) => {
      const read = readJob(entry);
      const id = read.kind === 'job' ? read.job.id : undefined;
      return read.kind === 'job' && id !== undefined ? [{ ...read.job, id }] : [];
    })
    .filter((job) => passes(job, filter, now))
    .toSorted((a, b) => createdAt(b) - createdAt(a));
  return jobs.map((job) => {
    const follower = followers.get(job.id.toLowerCase());
    if (follower !== undefined) return { job, name: follower, isFollowed: true };
    const name = nameFor(job, taken);
    taken.add(name);
    return { job, name, isFollowed: false };
  });
}

function passes(job: Job, { clusterUID, type, sinceMs }: JobFilter, now: number): boolean {
  return (
    (clusterUID === undefined || job.clusterUID === clusterUID) &&
    (type === undefined || job.type?.toLowerCase() === type.toLowerCase()) &&
    (sinceMs === undefined || createdAt(job) >= now - sinceMs)
  );
}

function createdAt({ startTime }: Job): number {
  return startTime === undefined ? -Infinity : Date.parse(startTime);
}

/** A name from type and resource, for example `scaleup-cluster-prod`; with a part of the job's ID if it is taken. */
function nameFor(job: Job & { readonly id: string }, taken: ReadonlySet<string>): string {
  const type = dashed((job.type ?? 'job').replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-'));
  const resource = dashed(job.resourceName ?? '').slice(0, MAX_RESOURCE_LENGTH);
  const id = dashed(job.id);
  const names = [
    ...(resource === '' ? [] : [`${type}-${resource}`]),
    `${type}-${resource}-${id.slice(0, ID_LENGTH)}`,
    `${type}-${id}`,
  ].map(dashed);
  return names.find((name) => !taken.has(name)) ?? id;
}

/** Makes a text a valid part of a Kubernetes name. */
function dashed(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}
