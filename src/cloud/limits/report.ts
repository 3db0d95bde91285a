import type { Pass } from './breaker.js';
import type { Budget } from './budget.js';
import type { CloudError } from '../errors.js';
import { REACTIONS } from '../reactions.js';

/** The call, as the breakers see it. */
export interface Passes {
  readonly region: Pass;
  /** Of a credential that signs; any other is told in vain. */
  readonly credential: Pass;
}

/** Tells budget and breakers what an answer (undefined: a good one) says of them; a pass that is told nothing is released. */
export function report(error: CloudError | undefined, budget: Budget, { region, credential }: Passes): void {
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
  // A lock that the cloud tells of opens the breaker at once.
  if (reaction.breaker === 'credential') credential.failed(error, error.retryAfterMs !== undefined);
  else if (error.status !== undefined && !failedToServe && error.class !== 'throttled')
    credential.succeeded();
  if (error.status === undefined) return;
  if (reaction.budget === 'slowDown') budget.slowDown(error.retryAfterMs);
  if (reaction.budget === 'pause' && error.retryAfterMs !== undefined) budget.pause(error.retryAfterMs);
}
