import { MAX_EXTEND_PARAMS, MAX_SUB_JOBS, type CloudJobStatus, type SubJobStatus } from '../api/cloudjob.js';
import type { Job } from '../cloud/job.js';
import { fieldsWith } from '../fields.js';
import { classifyPhase, isTerminal, type PhaseClass } from '../cloud/phase.js';

/** The part of a status with the cloud's report on the job. */
export type JobSummary = Pick<CloudJobStatus, (typeof JOB_FIELDS)[number]>;

export const JOB_FIELDS = [
  'phase',
  'reason',
  'type',
  'clusterUID',
  'resourceID',
  'resourceName',
  'extendParam',
  'progress',
  'subJobs',
  'subJobsOmitted',
  'startTime',
  'updateTime',
  'completionTime',
] as const satisfies readonly (keyof CloudJobStatus)[];

/** How long a status may be; `short` (the minimum) is for an object that has no room for more. */
export type StatusLength = 'full' | 'short';

/**
 * The most bytes of the parts whose length the job decides, as the API server stores them. The rest of a status has less
 * than 100 KiB; etcd accepts objects of 1.5 MiB, which may be mostly metadata.
 */
const ROOM: Readonly<Record<StatusLength, { readonly subJobs: number; readonly extendParam: number }>> = {
  full: { subJobs: 96 * 1024, extendParam: 32 * 1024 },
  short: { subJobs: 4 * 1024, extendParam: 0 },
};

/** Whether anything is known: the cloud has returned the job, perhaps without a phase. */
export function isKnown(job: JobSummary): boolean {
  return job.progress !== undefined;
}

/** A job in the fields of the status. Fields that the cloud left out or left empty are left out. */
export function summarise(job: Job, length: StatusLength = 'full'): JobSummary {
  const room = ROOM[length];
  const nodes = flatten(job);
  const subJobs = nodes
    .map(({ job: subJob, parentID }) => describeSubJob(subJob, parentID))
    .toSorted(compareSubJobs);
  const listed = thatFit(subJobs.slice(0, MAX_SUB_JOBS), room.subJobs);
  return fieldsWith(
    {
      phase: job.phase,
      reason: job.reason,
      type: job.type,
      clusterUID: job.clusterUID,
      resourceID: job.resourceID,
      resourceName: job.resourceName,
      extendParam: Object.fromEntries(
        thatFit(Object.entries(job.extendParam).slice(0, MAX_EXTEND_PARAMS), room.extendParam),
      ),
      progress: countLeaves(job, nodes),
      subJobs: listed,
      subJobsOmitted: listed.length < subJobs.length ? subJobs.length - listed.length : undefined,
      startTime: job.startTime,
      updateTime: job.updateTime,
      // The v3 API has no completion time; a finished job does not change, so its last change is its end.
      completionTime: isTerminal(job.phase) ? (job.completionTime ?? job.updateTime) : undefined,
    },
    isPresent,
  );
}

interface Node {
  readonly job: Job;
  readonly parentID: string | undefined;
}

/** All sub-jobs of all levels, parents before their children, in the cloud's order. */
function flatten(root: Job): Node[] {
  const nodes: Node[] = [];
  const visit = (parent: Job): void => {
    for (const job of parent.subJobs) {
      nodes.push({ job, parentID: parent.id });
      visit(job);
    }
  };
  visit(root);
  return nodes;
}

/** The order of sub-jobs of the same urgency. The cloud's own order may differ each time, so it is not used. */
const ORDER = [
  'startTime',
  'id',
  'parentID',
  'type',
  'resourceName',
  'resourceID',
  'phase',
  'reason',
  'updateTime',
] as const satisfies readonly (keyof SubJobStatus)[];

function compareSubJobs(one: SubJobStatus, other: SubJobStatus): number {
  const byUrgency = urgency(one.phase) - urgency(other.phase);
  if (byUrgency !== 0) return byUrgency;
  const field = ORDER.find((name) => one[name] !== other[name]);
  return field === undefined ? 0 : compareTexts(one[field], other[field]);
}

/** A missing time comes last. RFC 3339 in UTC and whole seconds sorts as text. */
function compareTexts(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return one === undefined ? 1 : -1;
  return one < other ? -1 : 1;
}

/** Failed first, then unfinished, then done: what needs attention survives the bound on the list. */
function urgency(phase: string | undefined): number {
  switch (classifyPhase(phase)) {
    case 'failed':
      return 0;
    case 'succeeded':
      return 2;
    default:
      return 1;
  }
}

function describeSubJob(job: Job, parentID: string | undefined): SubJobStatus {
  return fieldsWith(
    {
      id: job.id,
      parentID,
      type: job.type,
      phase: job.phase,
      reason: job.reason,
      resourceID: job.resourceID,
      resourceName: job.resourceName,
      startTime: job.startTime,
      updateTime: job.updateTime,
    },
    isPresent,
  );
}

/** Counts the leaves of the job tree; a job without sub-jobs is its own only leaf. */
function countLeaves(root: Job, nodes: readonly Node[]): NonNullable<CloudJobStatus['progress']> {
  const counts: Record<PhaseClass, number> = {
    succeeded: 0,
    running: 0,
    initializing: 0,
    failed: 0,
    unknown: 0,
  };
  let total = 0;
  const count = (job: Job): void => {
    if (job.subJobs.length > 0) return;
    counts[classifyPhase(job.phase)] += 1;
    total += 1;
  };
  count(root);
  for (const { job } of nodes) count(job);
  return { total, ...counts, summary: `${counts.succeeded}/${total}` };
}

/** The first ones, up to `maxBytes` bytes. */
function thatFit<T>(entries: T[], maxBytes: number): T[] {
  let left = maxBytes;
  const end = entries.findIndex((entry) => {
    left -= storedBytes(entry);
    return left < 0;
  });
  return end === -1 ? entries : entries.slice(0, end);
}

/** The length of the value in JSON as Go writes it. */
function storedBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, '\\u0000'));
}

/** Not undefined, `''`, `[]` or `{}`: a status has no empty fields. */
function isPresent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined && value !== '';
  return Object.keys(value).length > 0;
}
