import type { CloudError } from '../errors.js';
import { REACTIONS } from '../reactions.js';
import type { Outcome } from './breaker.js';
import type { BudgetSlot } from './budget.js';

/** What a call showed. */
export interface Outcomes {
  /** About the credential in its project. */
  readonly scope: Outcome;
  readonly credential: Outcome;
  /** How long the cloud rejects the credential, if it says so. */
  readonly lockedMs?: number | undefined;
}

export const UNCLEAR: Outcomes = { scope: 'unclear', credential: 'unclear' };

/** What an answer shows. @param error undefined: a good answer */
export function outcomesOf(error: CloudError | undefined): Outcomes {
  if (error === undefined) return { scope: 'succeeded', credential: 'succeeded' };
  if (!isOfCloud(error)) return UNCLEAR;
  const { breaker } = REACTIONS[error.class];
  const failedToServe = error.status === undefined || error.status >= 500;
  const reached = error.status === undefined ? 'unclear' : 'succeeded';
  const scope = breaker === 'scope' && failedToServe ? 'failed' : reached;
  if (breaker === 'credential') return { scope, credential: 'failed', lockedMs: error.retryAfterMs };
  return { scope, credential: failedToServe || error.class === 'throttled' ? 'unclear' : 'succeeded' };
}

/** Reports an answer to the budget, if it concerns it. @param error undefined: a good answer */
export function reportTo(budget: BudgetSlot, error: CloudError | undefined): void {
  if (error === undefined) budget.succeeded();
  else if (isOfCloud(error) && error.status !== undefined) {
    const reaction = REACTIONS[error.class].budget;
    if (reaction === 'slowDown') budget.slowDown(error.retryAfterMs, error.ofAll === true);
    if (reaction === 'pause' && error.retryAfterMs !== undefined) budget.pause(error.retryAfterMs);
  }
}

/** Not of this machine, nor of a proxy or a firewall on the way. */
function isOfCloud({ local, foreign }: CloudError): boolean {
  return local !== true && foreign !== true;
}
