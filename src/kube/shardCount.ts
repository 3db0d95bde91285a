import { shardsOf, type LeaseRecords } from './leaseRecord.js';
import type { KubeObject } from './object.js';

/**
 * Agrees with other replicas on the number of shards. Each number has Leases of its own, so that replicas which differ in it
 * would share neither the work nor the budgets. The Lease of plain leader election is known to all: somebody holds it, and
 * there is one shard; or an annotation on it has the number. Whoever comes with another one stands by while others work.
 */
export class ShardCount {
  /** @param isLive whether another replica works for the Lease */
  constructor(
    private readonly records: LeaseRecords,
    private readonly count: number,
    private readonly isLive: (lease: KubeObject) => boolean,
  ) {}

  /**
   * The number that others work with, when it is not this replica's. Undefined: none do, and it is this replica's number
   * that is written down.
   *
   * @param plain the Lease of plain leader election, as it was read
   * @throws KubeError
   */
  async ofOthers(plain: KubeObject | undefined, signal: AbortSignal): Promise<number | undefined> {
    if (plain !== undefined && this.isLive(plain)) return this.count === 1 ? undefined : 1;
    const written = plain === undefined ? 1 : shardsOf(plain);
    if (written === this.count) return undefined;
    const leases = written === 1 ? [] : await this.records.readAll(signal, written);
    // All of them: the time of each runs from when it was first seen.
    const live = leases.filter((lease) => lease !== undefined && this.isLive(lease));
    if (live.length > 0) return written;
    // With one shard, whoever takes the Lease takes the annotation off.
    if (this.count > 1) await this.records.writeCount(plain, signal);
    return undefined;
  }
}
