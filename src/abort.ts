/** What is to be done when a signal aborts, and where it stands among the others of that signal. */
interface Task {
  readonly run: () => void;
  place: number;
}

const TASKS = Symbol('what is to be done when it aborts');
type Tasked = AbortSignal & { [TASKS]?: Task[] };
const TAKEN_BACK = -1;

/**
 * Runs `run` once, when the signal aborts or now if it has; the returned function takes that back. Several run in any order.
 *
 * One listener serves all tasks of a signal: Node keeps listeners in a linked list, and one that was taken out still
 * points to its successor. The tasks are in an array, on the signal itself, for the same reason. A Set that grows anew leaves
 * its old table pointing to the new one, and a WeakMap's values are held when young garbage is collected, as are the keys that
 * they lead to. All of these, once old, keep what came after them until all of the heap is collected: at hundreds of signals
 * a second that is most of the work.
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  if (signal.aborted) {
    run();
    return nothing;
  }
  const tasks = (signal as Tasked)[TASKS] ?? listen(signal);
  const task: Task = { run, place: tasks.length };
  tasks.push(task);
  return () => takeBack(tasks, task);
}

function listen(signal: Tasked): Task[] {
  const tasks: Task[] = [];
  signal[TASKS] = tasks;
  const runAll = (): void => {
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
      task.place = TAKEN_BACK;
      task.run();
    }
  };
  signal.addEventListener('abort', runAll, { once: true });
  return tasks;
}

/** The last one takes its place. */
function takeBack(tasks: Task[], task: Task): void {
  const { place } = task;
  if (place === TAKEN_BACK) return;
  task.place = TAKEN_BACK;
  const last = tasks.pop();
  if (last === undefined || last === task) return;
  last.place = place;
  tasks[place] = last;
}

/** So many are kept at most: about as many as work at a time. */
const MAX_SPARE = 256;
const spare: AbortController[] = [];

/**
 * A controller for a short piece of work, to be given back at its end. (Node's AbortSignal takes five microseconds to make, and a
 * kilobyte that only a collection of the whole heap frees: each is given a shape of its own.)
 */
export function borrowController(): AbortController {
  return spare.pop() ?? new AbortController();
}

/** Its work has ended: nobody may abort it any more. One that somebody still listens to is not used again. */
export function giveBack(controller: AbortController): void {
  const { signal } = controller;
  const isFree = !signal.aborted && ((signal as Tasked)[TASKS]?.length ?? 0) === 0;
  if (isFree && spare.length < MAX_SPARE) spare.push(controller);
}

export function nothing(): void {}
