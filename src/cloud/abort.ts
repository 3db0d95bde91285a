import { onAbort } from '../abort.js';

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
