import { setMaxListeners } from 'node:events';

/** Runs `task` once, when the signal aborts or now if it has; the returned function takes that back. */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  if (signal.aborted) task();
  // Thousands may wait on the one signal that ends the process; Node warns of more than ten.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', task, { once: true });
  return () => signal.removeEventListener('abort', task);
}

/**
 * Waits for the promise or for the signal, whichever comes first; the promise goes on by itself. Without a controller of
 * its own: to abort one makes an error with a stack, on each call.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | 'aborted'> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => resolve('aborted'));
    promise.finally(forget).then(resolve, reject);
  });
}
