import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.js';

/** A signal for a stretch of work; `end()` must be called when the work is over, whatever came of it. */
export interface Scope {
  readonly signal: AbortSignal;
  /** Grants the whole time again, from now on. */
  extend(): void;
  /** Lets go of parent and timer. */
  end(): void;
}

/**
 * A signal that aborts when its parent does, with the parent's reason, or after `ms` milliseconds with the reason
 * that `late` makes. (`AbortSignal.any` keeps long-lived parents' children alive on Node 20, and
 * `AbortSignal.timeout` knows no `Clock`.)
 */
export function openScope(parent: AbortSignal, clock: Clock, ms: number, late: () => Error): Scope {
  const controller = new AbortController();
  const arm = (): (() => void) => clock.schedule(ms, () => controller.abort(late()));
  let cancel = arm();
  const unfollow = onAbort(parent, () => controller.abort(parent.reason));
  return {
    signal: controller.signal,
    extend() {
      cancel();
      cancel = arm();
    },
    end() {
      cancel();
      unfollow();
    },
  };
}

/** Runs `task` once, when the signal aborts or now if it has; the returned function takes that back. */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  if (signal.aborted) {
    task();
    return nothing;
  }
  // Every request in flight listens to the same few signals; node warns of the eleventh as of a leak.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', task, { once: true });
  return () => signal.removeEventListener('abort', task);
}

export function nothing(): void {}
