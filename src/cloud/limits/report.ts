import type { CloudError } from '../errors.js';
import { REACTIONS } from '../reactions.js';
import type { BreakerSlot } from './breaker.js';
import type { BudgetSlot } from './budget.js';
import type { CredentialSlot } from './credentialGate.js';

/** What one call holds; its answer is reported to all of them. */
export interface CallSlots {
  readonly budget: BudgetSlot;
  /** The breaker of the credential in its project. */
  readonly scope: BreakerSlot;
  readonly credential: CredentialSlot;
}

/** Reports an answer (undefined: a good one) to budget and breakers, if it concerns them. */
export function report(error: CloudError | undefined, { budget, scope, credential }: CallSlots): void {
  if (error === undefined) {
    budget.succeeded();
    scope.succeeded();
    credential.succeeded();
    return;
  }
  if (error.local === true || error.foreign === true) return;
  const reaction = REACTIONS[error.class];
  const failedToServe = error.status === undefined || error.status >= 500;
  if (reaction.breaker === 'scope' && failedToServe) scope.failed();
  else if (error.status !== undefined) scope.succeeded();
  if (reaction.breaker === 'credential') credential.rejected(error);
  else if (error.status !== undefined && !failedToServe && error.class !== 'throttled')
    credential.succeeded();
  if (error.status === undefined) return;
  if (reaction.budget === 'slowDown') budget.slowDown(error.retryAfterMs, error.ofAll === true);
  if (reaction.budget === 'pause' && error.retryAfterMs !== undefined) budget.pause(error.retryAfterMs);
}
