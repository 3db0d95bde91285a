const tasksOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Runs `task` once, when the signal aborts or now if it has; the returned function takes that back.
 *
 * One listener serves all tasks of a signal. Node keeps listeners in a linked list, and one that was taken out still
 * points to its successor: on a signal that lives as long as the process, a single one that got old keeps everything
 * that came after it from being collected young.
 */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  if (signal.aborted) {
    task();
    return nothing;
  }
  const tasks = tasksOf.get(signal) ?? listen(signal);
  // The same function may be given twice.
  const entry = (): void => task();
  tasks.add(entry);
  return () => void tasks.delete(entry);
}

function listen(signal: AbortSignal): Set<() => void> {
  const tasks = new Set<() => void>();
  tasksOf.set(signal, tasks);
  const runAll = (): void => {
    for (const task of tasks) task();
    tasks.clear();
  };
  signal.addEventListener('abort', runAll, { once: true });
  return tasks;
}

export function nothing(): void {}
