import { borrowController, giveBack, onAbort } from '../abort.js';
import type { Clock } from '../clock.js';

/**
 * A signal for a stretch of work; `end()` must be called when the work is over, whatever came of it. The signal may be
 * another scope's from then on.
 */
export interface Scope {
  readonly signal: AbortSignal;
  /** Grants the whole time again, from now on. */
  extend(): void;
  /** Lets go of parent, timer and signal. */
  end(): void;
}

/**
 * A signal that aborts when its parent does, with the parent's reason, or after `ms` milliseconds with the reason
 * that `late` makes. (`AbortSignal.any` keeps long-lived parents' children alive on Node 20, and
 * `AbortSignal.timeout` knows no `Clock`.)
 */
export function openScope(parent: AbortSignal, clock: Clock, ms: number, late: () => Error): Scope {
  const controller = borrowController();
  const arm = (): (() => void) => clock.schedule(ms, () => controller.abort(late()));
  let cancel = arm();
  const unfollow = onAbort(parent, () => controller.abort(parent.reason));
  let ended = false;
  return {
    signal: controller.signal,
    extend() {
      // The signal may be another scope's by now.
      if (ended) return;
      cancel();
      cancel = arm();
    },
    end() {
      if (ended) return;
      ended = true;
      cancel();
      unfollow();
      giveBack(controller);
    },
  };
}
