/**
 * Aborts on the first SIGINT or SIGTERM; a second one ends the process at once, with exit code 130. Call it before anything
 * else: a signal during loading would end the process without notice, and a container's first process would lose it. For
 * that reason this module imports nothing.
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
