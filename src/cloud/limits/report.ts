import type { BreakerSlot } from './breaker.js';
import type { Budget } from './budget.js';
import type { CloudError } from '../errors.js';
import { REACTIONS } from '../reactions.js';

/** What the breakers have given one call. */
export interface BreakerSlots {
  readonly region: BreakerSlot;
  /** Counts for a credential that signs; for any other it does nothing. */
  readonly credential: BreakerSlot;
}

/** Reports an answer (undefined: a good one) to budget and breakers, as far as it says anything of them. */
export function report(
  error: CloudError | undefined,
  budget: Budget,
  { region, credential }: BreakerSlots,
): void {
  if (error === undefined) {
    budget.succeeded();
    region.succeeded();
    credential.succeeded();
    return;
  }
  if (error.local === true) return;
  const reaction = REACTIONS[error.class];
  const failedToServe = error.status === undefined || error.status >= 500;
  if (reaction.breaker === 'region' && failedToServe) region.failed(error);
  else if (error.status !== undefined) region.succeeded();
  // A lock that the cloud reports opens the breaker at once.
  if (reaction.breaker === 'credential') credential.failed(error, error.retryAfterMs !== undefined);
  else if (error.status !== undefined && !failedToServe && error.class !== 'throttled')
    credential.succeeded();
  if (error.status === undefined) return;
  if (reaction.budget === 'slowDown') budget.slowDown(error.retryAfterMs);
  if (reaction.budget === 'pause' && error.retryAfterMs !== undefined) budget.pause(error.retryAfterMs);
}
