import { shardsOf, type LeaseRecords } from './leaseRecord.js';
import type { KubeObject } from './object.js';

/**
 * Agrees with other replicas on the number of shards. Each number has its own Leases, so replicas with different numbers
 * would share neither the work nor the budgets. All replicas know the Lease of plain leader election: if somebody holds it,
 * there is one shard; else an annotation on it has the number. A replica with another number stands by while others work.
 */
export class ShardCount {
  /** @param isLive whether another replica works for the Lease */
  constructor(
    private readonly records: LeaseRecords,
    private readonly count: number,
    private readonly isLive: (lease: KubeObject) => boolean,
  ) {}

  /**
   * The number that others work with, if it is not this replica's. Undefined: no other number is in use, and this replica's
   * number is written down.
   *
   * @param plain the Lease of plain leader election, as it was read
   * @throws KubeError
   */
  async ofOthers(plain: KubeObject | undefined, signal: AbortSignal): Promise<number | undefined> {
    if (plain !== undefined && this.isLive(plain)) return this.count === 1 ? undefined : 1;
    const written = plain === undefined ? 1 : shardsOf(plain);
    if (written === this.count) return undefined;
    const leases = written === 1 ? [] : await this.records.readAll(signal, written);
    // Read all of them: the time of each runs from when it was first seen.
    const live = leases.filter((lease) => lease !== undefined && this.isLive(lease));
    if (live.length > 0) return written;
    // With one shard, the replica that takes the Lease removes the annotation.
    if (this.count > 1) await this.records.writeCount(plain, signal);
    return undefined;
  }
}
