import { isRecord } from '../json.js';
import { microTime } from './microTime.js';
import type { KubeObject } from './object.js';

/** client-go's defaults, in milliseconds. */
export interface LeaseTimings {
  /** Others may take a lease that was not renewed for so long. */
  readonly leaseMs: number;
  /** A holder that could not renew for so long stops. Less than `leaseMs`, so that it stops before another starts. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const LEASE_TIMINGS: LeaseTimings = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** A Lease went to somebody else, or could not be renewed in time. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** The fields of a Lease that matter here; what is missing has the value that does no harm. */
export interface LeaseSpec {
  /** `''`: nobody. */
  readonly holderIdentity: string;
  readonly leaseDurationMs: number;
  readonly leaseTransitions: number;
}

export function leaseSpec(lease: KubeObject): LeaseSpec {
  const spec = isRecord(lease['spec']) ? lease['spec'] : {};
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = spec;
  return {
    holderIdentity: typeof holderIdentity === 'string' ? holderIdentity : '',
    leaseDurationMs: (typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 15) * 1000,
    leaseTransitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
  };
}

/** What a holder writes with each renewal. @param now wall clock in milliseconds */
export function renewal(holderIdentity: string, leaseMs: number, now: number): Record<string, unknown> {
  return { holderIdentity, leaseDurationSeconds: Math.ceil(leaseMs / 1000), renewTime: microTime(now) };
}

/** What a new holder writes besides. */
export function acquisition(before: LeaseSpec | undefined, now: number): Record<string, unknown> {
  return {
    acquireTime: microTime(now),
    leaseTransitions: before === undefined ? 0 : before.leaseTransitions + 1,
  };
}

/** What a holder writes who gives the Lease back: the next one need not wait. */
export function release(now: number): Record<string, unknown> {
  return renewal('', 1, now);
}

/**
 * How long Leases of others have looked the same, on this process's own clock: clocks that disagree or step do no harm.
 */
export class LeaseAges {
  readonly #seen = new Map<string, { readonly version: string; readonly expiresAt: number }>();

  /**
   * Takes note of the Lease as it is now, and tells whether it has looked so for longer than its holder promised.
   *
   * @param now on the monotonic clock, in milliseconds
   */
  isExpired(lease: KubeObject, now: number): boolean {
    const { name } = lease.metadata;
    // The holder's word alone counts: others may write on the Lease, too, and that renews nothing.
    const version = JSON.stringify(lease['spec']);
    const seen = this.#seen.get(name);
    if (seen?.version === version) return now > seen.expiresAt;
    this.#seen.set(name, { version, expiresAt: now + leaseSpec(lease).leaseDurationMs });
    return false;
  }

  /** How long it takes until the Lease of that name expires, if it is not renewed; Infinity when it is not known. */
  expiresInMs(name: string, now: number): number {
    const { expiresAt = -Infinity } = this.#seen.get(name) ?? {};
    return expiresAt < now ? Infinity : expiresAt - now + 1;
  }
}
