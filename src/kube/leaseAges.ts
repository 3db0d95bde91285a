import { leaseSpec } from './leaseRecord.js';
import type { KubeObject } from './object.js';

/**
 * Since when the Leases of others have not changed, on this process's monotonic clock: clocks that disagree or step do
 * no harm.
 */
export class LeaseAges {
  readonly #seen = new Map<string, { readonly spec: string; readonly expiresAt: number }>();

  /**
   * Takes note of the Lease as it is now. Returns whether it has not changed for longer than its holder promised.
   *
   * @param now on the monotonic clock, in milliseconds
   */
  isExpired(lease: KubeObject, now: number): boolean {
    const { name } = lease.metadata;
    // The holder's own writes alone count: others may write metadata, and that renews nothing.
    const spec = JSON.stringify(lease['spec']);
    const seen = this.#seen.get(name);
    if (seen?.spec === spec) return now > seen.expiresAt;
    this.#seen.set(name, { spec, expiresAt: now + leaseSpec(lease).leaseDurationMs });
    return false;
  }

  /** Milliseconds until the next of the Leases expires, unless it is renewed; Infinity when none is going to. */
  nextExpiryMs(now: number): number {
    const ahead = [...this.#seen.values()].map(({ expiresAt }) => expiresAt - now).filter((ms) => ms >= 0);
    return Math.min(...ahead) + 1;
  }
}
