import { DEFAULT_POLLING, pollAfterMs, type Polling } from '../../src/reconcile/schedule.js';
import { simulatedJob, type SimulatedJob } from './pollingJobs.js';

/** What one way to poll costs and gives, over all jobs. Times in seconds. */
export interface Outcome {
  /** Polls of one job, the one that sees its end included. */
  readonly calls: number;
  /** How late changes are seen, whichever they are. */
  readonly mean: number;
  /** 95 of 100 changes are seen no later than this. */
  readonly p95: number;
  /** How late the end of the job is seen. */
  readonly end: number;
}

/** When a client polls a job: seconds from the job's start to the first poll, and between two polls. */
interface Poller {
  first(random: () => number): number;
  next(unchangedSeconds: number, random: () => number): number;
}

/** A client with a fixed interval, and the setting of the operator that is to be better. */
export const RIVALS: readonly { readonly seconds: number; readonly polling: Polling }[] = [
  { seconds: 5, polling: { minSeconds: 1, maxSeconds: 18 } },
  { seconds: 15, polling: DEFAULT_POLLING },
  { seconds: 20, polling: { minSeconds: 10, maxSeconds: 72 } },
  { seconds: 30, polling: { minSeconds: 15, maxSeconds: 120 } },
];

const JOBS_OF_A_KIND = 1000;
export const KINDS = ['cluster', 'node', 'delete'] as const;
/** Somebody writes the CloudJob down within so many seconds after the job began; its first poll is at once. */
const WRITTEN_WITHIN = 5;

/** As many jobs of each kind; the same ones for the same seed. */
export function simulatedJobs(seed: number): SimulatedJob[] {
  const random = quickRandom(seed);
  return KINDS.flatMap((kind) => Array.from({ length: JOBS_OF_A_KIND }, () => simulatedJob(kind, random)));
}

/** A client that polls every so many seconds; its first poll comes at a random moment of its interval. */
export function fixedInterval(seconds: number, jobs: readonly SimulatedJob[], seed: number): Outcome {
  return simulate({ first: (random) => random() * seconds, next: () => seconds }, jobs, seed);
}

/** The operator's own polling. */
export function adaptive(polling: Polling, jobs: readonly SimulatedJob[], seed: number): Outcome {
  const poller: Poller = {
    first: (random) => random() * WRITTEN_WITHIN,
    next: (unchanged, random) => pollAfterMs(unchanged * 1000, undefined, polling, random()) / 1000,
  };
  return simulate(poller, jobs, seed);
}

function simulate(poller: Poller, jobs: readonly SimulatedJob[], seed: number): Outcome {
  const random = quickRandom(seed + 1);
  const late: number[] = [];
  const ends: number[] = [];
  let calls = 0;
  for (const { changes } of jobs) {
    let now = poller.first(random);
    let changedAt = now;
    let seen = 0;
    for (;;) {
      calls += 1;
      const before = seen;
      for (let at = changes[seen]; at !== undefined && at <= now; at = changes[seen]) {
        late.push(now - at);
        seen += 1;
      }
      if (seen === changes.length) break;
      if (seen > before) changedAt = now;
      now += poller.next(now - changedAt, random);
    }
    ends.push(late.at(-1) ?? 0);
  }
  return { calls: calls / jobs.length, mean: mean(late), p95: percentile(late, 0.95), end: mean(ends) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? 0;
}

/** Millions of numbers in [0, 1), the same ones for the same seed (xorshift, Marsaglia 2003). */
function quickRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
