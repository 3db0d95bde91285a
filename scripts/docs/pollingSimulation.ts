import { DEFAULT_POLLING, pollAfterMs, type Polling } from '../../src/reconcile/schedule.js';
import { simulatedJob, type SimulatedJob } from './pollingJobs.js';

/** How one way of looking fares, over all jobs. Times in seconds. */
export interface Outcome {
  /** Looks at one job, the one that sees its end included. */
  readonly calls: number;
  /** How late changes are seen, whichever they are. */
  readonly mean: number;
  /** 95 of 100 changes are seen no later than this. */
  readonly p95: number;
  /** How late the end of the job is seen. */
  readonly end: number;
}

/** When to look at a job: seconds until the first look after its start, and between two looks. */
interface Watcher {
  first(random: () => number): number;
  next(quietSeconds: number, random: () => number): number;
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
/** Somebody writes the CloudJob down within so many seconds after the job began; its first look is at once. */
const WRITTEN_WITHIN = 5;

/** As many jobs of each kind; the same ones for the same seed. */
export function simulatedJobs(seed: number): SimulatedJob[] {
  const random = quickRandom(seed);
  return KINDS.flatMap((kind) => Array.from({ length: JOBS_OF_A_KIND }, () => simulatedJob(kind, random)));
}

/** A client that looks every so many seconds; its first look comes at a random moment of its interval. */
export function fixedInterval(seconds: number, jobs: readonly SimulatedJob[], seed: number): Outcome {
  return simulate({ first: (random) => random() * seconds, next: () => seconds }, jobs, seed);
}

/** The operator's own cadence. */
export function adaptive(polling: Polling, jobs: readonly SimulatedJob[], seed: number): Outcome {
  const watcher: Watcher = {
    first: (random) => random() * WRITTEN_WITHIN,
    next: (quiet, random) => pollAfterMs(quiet * 1000, undefined, polling, random()) / 1000,
  };
  return simulate(watcher, jobs, seed);
}

function simulate(watcher: Watcher, jobs: readonly SimulatedJob[], seed: number): Outcome {
  const random = quickRandom(seed + 1);
  const late: number[] = [];
  const ends: number[] = [];
  let calls = 0;
  for (const { changes } of jobs) {
    let now = watcher.first(random);
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
      now += watcher.next(now - changedAt, random);
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
