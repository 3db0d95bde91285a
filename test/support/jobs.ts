import type { Answer } from './scriptedCloud.js';

/** A job as a test thinks of it; `uid` is the only field that it must name. */
export interface JobScript {
  readonly uid: string;
  readonly type?: string;
  readonly phase?: string;
  readonly reason?: string;
  readonly resourceName?: string;
  readonly created?: string;
  readonly updated?: string;
  readonly subJobs?: readonly JobScript[];
}

/** The job in the form of the API. */
export function jobBody(job: JobScript): object {
  return {
    kind: 'Job',
    apiVersion: 'v3',
    metadata: {
      uid: job.uid,
      creationTimestamp: job.created ?? '2026-01-15 10:00:00.123456789 +0000 UTC',
      updateTimestamp: job.updated ?? '2026-01-15 10:05:30.5 +0000 UTC',
    },
    spec: {
      type: job.type,
      resourceName: job.resourceName,
      subJobs: job.subJobs?.map(jobBody),
    },
    status: job.phase === undefined ? undefined : { phase: job.phase, reason: job.reason },
  };
}

/** The answer with this job. */
export function reports(job: JobScript): Answer {
  return { body: jobBody(job) };
}
