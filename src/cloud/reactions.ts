import type { CloudErrorClass } from './errors.js';

/** What the operator does about a class of errors, beside telling it in the conditions. */
export interface Reaction {
  /** What the requests of the region and project do: go on, wait for `Retry-After`, or wait and then go slower. */
  readonly budget: 'goOn' | 'pause' | 'slowDown';
  /** Counts towards the breaker of the region when the server failed or did not answer. */
  readonly tripsRegion: boolean;
  /** Counts towards the breaker of a credential that signs. */
  readonly tripsCredential: boolean;
  /** The first and the longest wait of one CloudJob before it asks again, in milliseconds; between them it doubles. */
  readonly retry: { readonly firstMs: number; readonly longestMs: number };
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
    retry: { firstMs: 10_000, longestMs: 300_000 },
    conditions: UNCHANGED_THEN_STALLED,
  },
  transient: {
    budget: 'pause',
    tripsRegion: true,
    tripsCredential: false,
    retry: { firstMs: 5_000, longestMs: 300_000 },
    conditions: UNCHANGED_THEN_STALLED,
  },
  unauthorized: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: true,
    retry: { firstMs: 30_000, longestMs: 900_000 },
    conditions: AT_ONCE_THEN_STALLED,
  },
  forbidden: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    retry: { firstMs: 60_000, longestMs: 1_800_000 },
    conditions: AT_ONCE_THEN_STALLED,
  },
  notFound: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    retry: { firstMs: 10_000, longestMs: 900_000 },
    conditions: 'Synced=False; Stalled JobNotFound after a grace time of 2 minutes, or JobVanished',
  },
  misconfigured: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    retry: { firstMs: 60_000, longestMs: 900_000 },
    conditions: AT_ONCE_THEN_STALLED,
  },
  malformed: {
    budget: 'goOn',
    tripsRegion: false,
    tripsCredential: false,
    retry: { firstMs: 10_000, longestMs: 300_000 },
    conditions: UNCHANGED_THEN_STALLED,
  },
};
