/**
 * Time, passed in. Everything that waits or compares times takes a `Clock`, so that tests drive it
 * (jest's fake timers fake neither `AbortSignal.timeout` nor `timers/promises`).
 */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. May step in either direction. */
  now(): number;
  /** Milliseconds on a clock that never steps; only differences have a meaning. */
  monotonic(): number;
  /** Runs `task` once after `ms` milliseconds (0 to 2^31-1); the returned function cancels it. */
  schedule(ms: number, task: () => void): () => void;
}

/** The longest delay of `setTimeout`; with a longer one it fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(ms, task) {
    const timer = setTimeout(task, Math.min(Math.max(ms, 0), LONGEST_DELAY_MS));
    return () => clearTimeout(timer);
  },
};
