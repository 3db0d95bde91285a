import { hash } from 'node:crypto';
import type { Job, Observation } from './job.js';

/** One followed job, as the lists of its project show it. */
export interface ListedJob {
  readonly jobID: string;
  readonly followers: ReadonlySet<string>;
  /** In the last list; undefined: not in it, or more than once. */
  mark: Mark | undefined;
  /** What the list showed before the last look began. */
  seen: Mark | undefined;
  /** When the last look had ended; Infinity: there was none, or it failed. */
  lookedAt: number;
  /** A mark under which a look told of a change, and when: the list shows changes late, or does not show them all. */
  suspect: { readonly hash: string; readonly at: number } | undefined;
  /** Whether `seen` goes with what the last look told. */
  trusted: boolean;
  /** The list shows another mark than the one that was trusted, and nobody has looked since. */
  stirred: boolean;
}

/** A job that no list has shown. */
export function newlyListed(jobID: string): Omit<ListedJob, 'followers'> {
  return {
    jobID,
    mark: undefined,
    seen: undefined,
    lookedAt: Infinity,
    suspect: undefined,
    trusted: false,
    stirred: false,
  };
}

/** What a list says of a job, for telling that it has changed and for nothing else. */
export interface Mark {
  readonly hash: string;
  /** How many jobs of the tree it shows the phase of. */
  readonly phases: number;
  /** When the first of the lists was asked for that have shown it since. */
  readonly since: number;
}

/** What the list showed when a look began, and whether it had for so long that the look must show the same. */
export interface Shown {
  readonly mark: Mark;
  readonly settled: boolean;
}

/**
 * A job is looked at after so long without a look, whatever the lists say, as it is without lists by default: what a list
 * does not show (a sub-job of a level that it leaves out) is seen so much later at most.
 */
const LONGEST_TRUST_MS = 60_000;
/** A mark that is older than this is not compared with: too much may have happened in between. */
export const LONGEST_GAP_MS = 60_000;
/** Looks may show a change so much later than the list does. */
const SETTLED_MS = 10_000;

/** Whether a list could stand in for a look at the job, at that time. */
export function mayBeTrusted({ lookedAt }: ListedJob, now: number): boolean {
  return now - lookedAt < LONGEST_TRUST_MS;
}

/** Whether what the last look told is still so, as far as the last list shows it. */
export function isTrusted(job: ListedJob, now: number): boolean {
  return job.trusted && job.mark?.hash === job.seen?.hash && mayBeTrusted(job, now);
}

/** Whether a list that was asked for at that time still shows nothing of a change that a look told of. */
export function isHidden({ suspect, mark }: ListedJob, begunAt: number): boolean {
  return suspect !== undefined && mark?.hash === suspect.hash && begunAt - suspect.at >= SETTLED_MS;
}

/** What the list shows as a look begins; undefined: nothing. */
export function shownOf({ mark }: ListedJob, now: number): Shown | undefined {
  return mark && { mark, settled: now - mark.since >= SETTLED_MS };
}

/**
 * A look has ended.
 *
 * @param shown by the list when it began
 * @param isOther whether it was answered otherwise than the good one before
 */
export function lookEnded(
  job: ListedJob,
  now: number,
  shown: Shown | undefined,
  observation: Observation,
  isOther: boolean,
): void {
  const { seen } = job;
  job.trusted = false;
  job.lookedAt = observation.kind === 'job' ? now : Infinity;
  job.seen = undefined;
  if (observation.kind !== 'job' || shown === undefined) return;
  const { mark, settled } = shown;
  job.seen = mark;
  if (mark.hash !== job.suspect?.hash) job.suspect = undefined;
  if (isOther && settled && mark.hash === seen?.hash) job.suspect ??= { hash: mark.hash, at: now };
  job.trusted = settled && job.suspect === undefined && mark.phases >= countPhases(observation.job);
}

/** How many jobs of a tree have a phase. */
function countPhases({ phase, subJobs }: Job): number {
  return subJobs.reduce((count, subJob) => count + countPhases(subJob), phase === undefined ? 0 : 1);
}

/** @param since when the list was asked for that shows it for the first time */
export function markOf(entry: unknown, job: Job, since: number): Mark | undefined {
  try {
    return {
      hash: hash('sha1', JSON.stringify(entry), 'base64'),
      phases: countPhases(job),
      since,
    };
  } catch {
    // Nested too deep.
    return undefined;
  }
}
