import { leaseSpec } from './leaseRecord.js';
import type { KubeObject } from './object.js';

/**
 * How long the Leases of others have been unchanged, on this process's monotonic clock. Clocks that differ or step do
 * no harm.
 */
export class LeaseAges {
  readonly #seen = new Map<string, { readonly spec: string; readonly expiresAt: number }>();

  /**
   * Remembers the Lease as it is now. Returns whether it has not changed for longer than its lease duration.
   *
   * @param now on the monotonic clock, in milliseconds
   */
  isExpired(lease: KubeObject, now: number): boolean {
    const { name } = lease.metadata;
    // Only the holder's own writes count: others may write metadata, which does not renew the Lease.
    const spec = JSON.stringify(lease['spec']);
    const seen = this.#seen.get(name);
    if (seen?.spec === spec) return now > seen.expiresAt;
    this.#seen.set(name, { spec, expiresAt: now + leaseSpec(lease).leaseDurationMs });
    return false;
  }

  /** Milliseconds until the next Lease expires unless it is renewed; Infinity if none will expire. */
  nextExpiryMs(now: number): number {
    const ahead = [...this.#seen.values()].map(({ expiresAt }) => expiresAt - now).filter((ms) => ms >= 0);
    return Math.min(...ahead) + 1;
  }
}
