import type { CloudErrorClass } from './errors.js';

/** What budgets and breakers do about a class of errors; `reconcile/failure.ts` says what it means for a CloudJob. */
export interface Reaction {
  /** What the requests of the region and project do: go on, wait for `Retry-After`, or wait and then go slower. */
  readonly budget: 'goOn' | 'pause' | 'slowDown';
  /** Counts towards the breaker of the region when the server failed or did not answer. */
  readonly tripsRegion: boolean;
  /** Counts towards the breaker of a credential that signs. */
  readonly tripsCredential: boolean;
}

/** One row for each class of errors. */
export const REACTIONS: Readonly<Record<CloudErrorClass, Reaction>> = {
  throttled: {
    budget: 'slowDown',
    tripsRegion: false,
    tripsCredential: false,
  },
  transient: {
    budget: 'pause',
    tripsRegion: true,
    tripsCredential: false,
  },
  unauthorized: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: true,
  },
  forbidden: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
  },
  notFound: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
  },
  misconfigured: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
  },
  malformed: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
  },
};
