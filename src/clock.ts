import { nothing, onAbort } from './abort.js';

/**
 * Time, passed in. Everything that waits or compares times takes a `Clock`, so that tests drive it
 * (jest's fake timers fake neither `AbortSignal.timeout` nor `timers/promises`).
 */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. May step in either direction. */
  now(): number;
  /** Milliseconds on a clock that never steps; only differences mean something. */
  monotonic(): number;
  /** Runs `task` once after `ms` milliseconds (0 to 2^31-1); the returned function cancels it. */
  schedule(ms: number, task: () => void): () => void;
}

/** The longest delay `setTimeout` takes; it fires at once on anything longer. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(ms, task) {
    const timer = setTimeout(task, Math.min(Math.max(ms, 0), LONGEST_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/** Waits `ms` milliseconds; returns early, without an error, when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      forget();
      resolve();
    };
    const cancel = clock.schedule(ms, finish);
    const forget = onAbort(signal, finish);
  });
}

/**
 * Whether `work` is done within `ms` milliseconds and before `signal` aborts; it goes on all the same if not.
 *
 * @throws what `work` throws by then; later errors are nobody's
 */
export async function settlesWithin(
  clock: Clock,
  ms: number,
  work: Promise<unknown>,
  signal: AbortSignal,
): Promise<boolean> {
  let end = nothing;
  const late = new Promise<false>((resolve) => {
    const giveUp = (): void => resolve(false);
    const cancel = clock.schedule(ms, giveUp);
    const forget = onAbort(signal, giveUp);
    end = () => {
      cancel();
      forget();
    };
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    end();
  }
}
