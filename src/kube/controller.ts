import type { Clock } from '../clock.js';
import { errorText } from '../errorText.js';
import type { Logger } from '../ops/log.js';
import { KubeError } from './errors.js';
import { objectKey } from './object.js';
import type { KubeObject } from './object.js';
import type { WorkItem, WorkQueue } from './queue.js';
import type { StoreHandler } from './store.js';
import { nothing, onAbort, withDeadline } from '../signals.js';
import type { Priority } from '../priority.js';

/** When a reconcile wants its key again; it replaces earlier plans for the key. */
export type Result = { readonly kind: 'done' } | { readonly kind: 'requeue'; readonly afterMs: number };

export interface ReconcileContext {
  readonly priority: Priority;
  /** Aborts at the reconcile's deadline and at the end of a shutdown; a reconcile that ignores it is abandoned. */
  readonly signal: AbortSignal;
}

/** Reconciles one object, by `namespace/name`. If it throws, it is called again with backoff. */
export type Reconcile = (key: string, context: ReconcileContext) => Promise<Result>;

/**
 * `error`: the API server failed. `panic`: it threw anything else, which is a bug. `late`: it stopped at its deadline.
 * `abandoned`: it did not stop even then, and its key was released.
 */
export type Outcome = 'done' | 'requeue' | 'error' | 'panic' | 'late' | 'abandoned' | 'aborted';

/** Called for each reconcile, for metrics; must not throw. */
export interface ControllerObserver {
  reconciled(item: WorkItem, outcome: Outcome, durationMs: number): void;
}

/** All in milliseconds. */
export interface ControllerTimings {
  /** How long a reconcile may take before its signal aborts. */
  readonly reconcileMs: number;
  /** How long it may take to end after that. Its key stays reserved until then. */
  readonly graceMs: number;
  /** How long running reconciles may go on after a stop before their signals abort. */
  readonly stopMs: number;
}

export const CONTROLLER_TIMINGS: ControllerTimings = {
  reconcileMs: 120_000,
  graceMs: 10_000,
  stopMs: 15_000,
};

export interface ControllerOptions {
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** Reconciles at a time, 1 or more. */
  readonly workers: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timings?: Partial<ControllerTimings>;
  readonly observer?: ControllerObserver;
}

type Ending =
  | { readonly kind: 'returned'; readonly result: Result }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'abandoned' };

/**
 * Level-based control: changes of a store become keys in the queue, and workers reconcile them, one at a time for
 * each key. Changes may arrive before `run`: the queue keeps their keys.
 */
export class Controller implements StoreHandler<KubeObject> {
  readonly #options: ControllerOptions;
  readonly #timings: ControllerTimings;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#timings = { ...CONTROLLER_TIMINGS, ...options.timings };
  }

  added(object: KubeObject, initial: boolean): void {
    this.#options.queue.add(objectKey(object.metadata), initial ? 'low' : 'high');
  }

  modified(object: KubeObject): void {
    this.#options.queue.add(objectKey(object.metadata), 'high');
  }

  /** One last reconcile, which removes the state that was kept for the object. */
  deleted(object: KubeObject): void {
    const key = objectKey(object.metadata);
    this.#options.queue.cancelDelayed(key);
    this.#options.queue.forget(key);
    this.#options.queue.add(key, 'high');
  }

  /**
   * Works until `stop` aborts: then takes no more keys and gives the running reconciles `stopMs` to end, then aborts
   * them. `abort` aborts them at once. Resolves when all have ended, or were abandoned `graceMs` after their abort;
   * never throws. It shuts the queue down, so a controller runs once.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const { queue, clock, workers } = this.#options;
    const hard = new AbortController();
    const abortNow = (): void => {
      queue.shutDown();
      hard.abort(new Error('the controller is aborted'));
    };
    let cancelTimer = nothing;
    const stopSoon = (): void => {
      queue.shutDown();
      cancelTimer = clock.schedule(this.#timings.stopMs, abortNow);
    };
    const unlisten = [onAbort(stop, stopSoon), onAbort(abort, abortNow)];
    await Promise.all(Array.from({ length: workers }, () => this.#work(hard.signal)));
    cancelTimer();
    for (const takeBack of unlisten) takeBack();
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { queue } = this.#options;
    for (let item = await queue.get(signal); item !== undefined; item = await queue.get(signal)) {
      // Earlier plans are dropped: this reconcile decides when the next one is due.
      queue.cancelDelayed(item.key);
      await this.#process(item, signal);
      queue.done(item.key);
    }
  }

  async #process(item: WorkItem, parent: AbortSignal): Promise<void> {
    const { queue, clock, logger, observer } = this.#options;
    const { key, priority } = item;
    const startedAt = clock.monotonic();
    const { ending, outcome } = await withDeadline(
      clock,
      this.#timings.reconcileMs,
      parent,
      async (signal) => {
        const ended = await this.#attempt(item, signal);
        return { ending: ended, outcome: outcomeOf(ended, signal, parent) };
      },
    );
    if (ending.kind === 'returned') {
      queue.forget(key);
      if (ending.result.kind === 'requeue') queue.addAfter(key, ending.result.afterMs, 'low');
    } else {
      queue.addRateLimited(key, priority);
      const error = ending.kind === 'threw' ? { error: errorText(ending.error) } : {};
      const fields = { key, outcome, failures: queue.failures(key), ...error, ...where(outcome, ending) };
      if (outcome === 'aborted') logger.info('reconcile aborted', fields);
      else logger.error('reconcile failed', fields);
    }
    observer?.reconciled(item, outcome, clock.monotonic() - startedAt);
  }

  /** Waits for the reconcile; after its signal aborts, only for the grace time. */
  #attempt({ key, priority }: WorkItem, signal: AbortSignal): Promise<Ending> {
    const { reconcile, clock } = this.#options;
    return new Promise((resolve) => {
      let cancelGrace = nothing;
      let unlisten = nothing;
      const abandon = (): void => {
        cancelGrace = clock.schedule(this.#timings.graceMs, () => settle({ kind: 'abandoned' }));
      };
      const settle = (ending: Ending): void => {
        cancelGrace();
        unlisten();
        resolve(ending);
      };
      unlisten = onAbort(signal, abandon);
      void (async () => {
        try {
          const result = await reconcile(key, { priority, signal });
          if (result.kind === 'requeue' && !Number.isFinite(result.afterMs)) {
            throw new RangeError('afterMs must be a finite number');
          }
          settle({ kind: 'returned', result });
        } catch (error) {
          settle({ kind: 'threw', error });
        }
      })();
    });
  }
}

function outcomeOf(ending: Ending, signal: AbortSignal, parent: AbortSignal): Outcome {
  if (ending.kind === 'abandoned') return 'abandoned';
  if (ending.kind === 'returned') return ending.result.kind;
  if (parent.aborted) return 'aborted';
  if (signal.aborted) return 'late';
  return ending.error instanceof KubeError ? 'error' : 'panic';
}

/** The lines of the source that a panic came through. */
function where(outcome: Outcome, ending: Ending): { readonly stack?: string } {
  if (outcome !== 'panic' || ending.kind !== 'threw' || !(ending.error instanceof Error)) return {};
  return {
    stack: (ending.error.stack ?? '')
      .split('\n')
      .slice(1, 9)
      .map((line) => line.trim())
      .join('; '),
  };
}
