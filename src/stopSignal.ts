/**
 * Aborts on the first SIGINT or SIGTERM; a second one ends the process at once, with exit code 130. To be called before
 * anything else: a signal that comes while a process still loads would end it without notice, and is lost on a
 * container's first process. This module imports nothing, so that it can be.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  return stop.signal;
}
