import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';

/**
 * Runs `task` once: when the signal aborts, or now if it has aborted. The returned function cancels that; call it after the
 * work if the signal outlives the work.
 */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  if (signal.aborted) {
    task();
    return nothing;
  }
  // All running work listens; Node warns of more than ten listeners.
  setMaxListeners(0, signal);
  const listener = (): void => task();
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/**
 * Waits for the promise or for the signal, whichever comes first. The promise is not cancelled.
 *
 * @throws what the promise throws before the signal aborts; later errors are ignored
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | 'aborted'> {
  let unlisten = nothing;
  const aborted = new Promise<'aborted'>((resolve) => {
    unlisten = onAbort(signal, () => resolve('aborted'));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    unlisten();
  }
}

/** Waits `ms` milliseconds; returns early, without an error, when `signal` aborts. */
export async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let cancel = nothing;
  const over = new Promise<void>((resolve) => {
    cancel = clock.schedule(ms, resolve);
  });
  await untilAborted(over, signal);
  cancel();
}

/**
 * Gives `work` a signal that aborts with `parent`, for the parent's reason, or after `ms` milliseconds, with the reason from
 * `late`. `extend` restarts the `ms` milliseconds. When the work is over, no listener is left on the parent.
 * (`AbortSignal.any` keeps listeners while the parent lives, and `AbortSignal.timeout` knows no `Clock`.)
 *
 * @throws what the work throws; the work itself must react to its signal
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  parent: AbortSignal,
  work: (signal: AbortSignal, extend: () => void) => Promise<T>,
  late: () => Error = deadlinePassed,
): Promise<T> {
  const controller = new AbortController();
  const arm = (): (() => void) => clock.schedule(ms, () => controller.abort(late()));
  let cancel = arm();
  const unlisten = onAbort(parent, () => controller.abort(parent.reason));
  try {
    return await work(controller.signal, () => {
      cancel();
      cancel = arm();
    });
  } finally {
    cancel();
    unlisten();
  }
}

/**
 * Whether `work` ends within `ms` milliseconds and before `signal` aborts. If not, it still goes on.
 *
 * @throws what `work` throws in that time; later errors are ignored
 */
export async function settlesWithin(
  clock: Clock,
  ms: number,
  work: Promise<unknown>,
  signal: AbortSignal,
): Promise<boolean> {
  return withDeadline(clock, ms, signal, async (end) => (await untilAborted(work, end)) !== 'aborted');
}

export function nothing(): void {}

function deadlinePassed(): Error {
  return new Error('the deadline has passed');
}
