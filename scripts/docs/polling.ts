import { DEFAULT_POLLING, pollAfterMs, type Polling } from '../../src/reconcile/schedule.js';
import { adaptive, fixedInterval, KINDS, RIVALS, simulatedJobs, type Outcome } from './pollingSimulation.js';
import { markdownTable } from './table.js';

const SEED = 1;
const HEAD = ['Calls for a job', 'A change is seen after', '95 of 100 within', 'The end is seen after'];

/** The intervals that the formula gives with the default settings. */
export function pollingIntervals(): string {
  const unchanged: readonly (readonly [string, number])[] = [
    ['0 s: the first poll, or a change', 0],
    ['4 s', 4],
    ['12 s', 12],
    ['1 min', 60],
    ['10 min', 600],
    ['15 min', 900],
    ['20 min', 1200],
    ['30 min and more', 1800],
  ];
  return markdownTable(
    ['Unchanged for', 'Next poll after'],
    unchanged.map(([words, seconds]) => {
      const between = [0, 1].map((random) => pollAfterMs(seconds * 1000, undefined, DEFAULT_POLLING, random));
      const [low, high] = between.map((ms) => (ms / 1000).toFixed(1));
      return [words, `${low} to ${high} s`];
    }),
  );
}

/** Each fixed interval, and the setting of the operator that is to be better. */
export function pollingComparison(): string {
  const jobs = simulatedJobs(SEED);
  return markdownTable(
    ['', ...HEAD],
    RIVALS.flatMap(({ seconds, polling }) => [
      row(`every ${seconds} s`, fixedInterval(seconds, jobs, SEED)),
      row(settingOf(polling), adaptive(polling, jobs, SEED)),
    ]),
  );
}

/** The default beside the interval that it is to beat, by the kind of job. */
export function pollingByKind(): string {
  const jobs = simulatedJobs(SEED);
  return markdownTable(
    ['', ...HEAD],
    KINDS.flatMap((kind) => {
      const ofKind = jobs.filter((job) => job.kind === kind);
      return [
        row(`${kind}, every 15 s`, fixedInterval(15, ofKind, SEED)),
        row(`${kind}, ${settingOf(DEFAULT_POLLING)}`, adaptive(DEFAULT_POLLING, ofKind, SEED)),
      ];
    }),
  );
}

function row(title: string, { calls, mean, p95, end }: Outcome): string[] {
  return [title, calls.toFixed(1), ...[mean, p95, end].map((seconds) => `${seconds.toFixed(1)} s`)];
}

function settingOf({ minSeconds, maxSeconds }: Polling): string {
  const isDefault = minSeconds === DEFAULT_POLLING.minSeconds && maxSeconds === DEFAULT_POLLING.maxSeconds;
  return `operator, ${minSeconds} to ${maxSeconds} s${isDefault ? ' (default)' : ''}`;
}
