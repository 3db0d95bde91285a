import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';

/**
 * Runs `task` once: when the signal aborts, or now if it has. The returned function takes that back; whoever listens to
 * a signal that outlives the work calls it when the work is over.
 */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  if (signal.aborted) {
    task();
    return nothing;
  }
  // Each piece of work that is under way listens; Node takes more than ten listeners for a mistake.
  setMaxListeners(0, signal);
  const listener = (): void => task();
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/**
 * Waits for the promise or for the signal, whichever comes first; the promise goes on by itself.
 *
 * @throws what the promise throws by then; later errors are nobody's
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
 * Gives `work` a signal that aborts with `parent`, for the parent's reason, or after `ms` milliseconds, for the reason that
 * `late` makes. `extend` grants the whole time again. Nothing is left on the parent when the work is over.
 * (`AbortSignal.any` keeps what listens for as long as the parent lives, and `AbortSignal.timeout` knows no `Clock`.)
 *
 * @throws what the work throws; what it makes of its signal is up to it
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
  return withDeadline(clock, ms, signal, async (end) => (await untilAborted(work, end)) !== 'aborted');
}

export function nothing(): void {}

function deadlinePassed(): Error {
  return new Error('the deadline has passed');
}
