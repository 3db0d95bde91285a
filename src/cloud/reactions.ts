import type { CloudErrorClass } from './errors.js';

/** What the operator does about a class of errors, beside telling it in the conditions. */
export interface Reaction {
  /** What the requests of the region and project do: go on, wait for `Retry-After`, or wait and then go slower. */
  readonly budget: 'goOn' | 'pause' | 'slowDown';
  /** Counts towards the breaker of the region when the server failed or did not answer. */
  readonly tripsRegion: boolean;
  /** Counts towards the breaker of a credential that signs. */
  readonly tripsCredential: boolean;
  /** What the conditions say of it. */
  readonly conditions: string;
}

const AT_ONCE_THEN_STALLED = 'Synced=False at once, Stalled after observationDeadlineSeconds';
const UNCHANGED_THEN_STALLED = 'unchanged, then Synced=False and Stalled after observationDeadlineSeconds';

/** One row for each class of errors: what the operator does, and what the documentation prints. */
export const REACTIONS: Readonly<Record<CloudErrorClass, Reaction>> = {
  throttled: {
    budget: 'slowDown',
    tripsRegion: false,
    tripsCredential: false,
    conditions: UNCHANGED_THEN_STALLED,
  },
  transient: {
    budget: 'pause',
    tripsRegion: true,
    tripsCredential: false,
    conditions: UNCHANGED_THEN_STALLED,
  },
  unauthorized: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: true,
    conditions: AT_ONCE_THEN_STALLED,
  },
  forbidden: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    conditions: AT_ONCE_THEN_STALLED,
  },
  notFound: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    conditions: 'Synced=False; Stalled JobNotFound after a grace time of 2 minutes, or JobVanished',
  },
  misconfigured: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    conditions: AT_ONCE_THEN_STALLED,
  },
  malformed: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    conditions: UNCHANGED_THEN_STALLED,
  },
};
