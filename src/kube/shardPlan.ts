/** The Lease of one shard, as this replica sees it. */
export interface ShardLease {
  /** Its holder; undefined: it has none, or the holder has not renewed it in time. */
  readonly holder: string | undefined;
  /** The replica that claims it. */
  readonly claimant: string | undefined;
}

/** The actions of one replica in one round. */
export interface ShardPlan {
  /** Take these: they have no holder. */
  readonly take: readonly number[];
  /** Claim this one from its holder. */
  readonly claim: number | undefined;
  /** Finish the work on these, and hand each to the replica that claims it. */
  readonly handOver: ReadonlyMap<number, string>;
}

/**
 * Distributes shards evenly among the live replicas: those that hold a shard, and this one. Every replica plans for
 * itself from the same Leases, and the plans converge until no two replicas differ by more than one shard:
 * - shards without a holder are taken, up to an even share;
 * - a replica that holds at least two fewer than the busiest one claims a shard of it;
 * - a claimed shard is handed over if its holder holds at least two more than the claimant.
 *
 * @param leases one for each shard, by its number
 */
export function planShards(leases: readonly ShardLease[], me: string): ShardPlan {
  const loads = new Map([[me, 0]]);
  for (const { holder } of leases) {
    if (holder !== undefined) loads.set(holder, (loads.get(holder) ?? 0) + 1);
  }
  const mine = loads.get(me) ?? 0;
  const free = numbersOf(leases, ({ holder }) => holder === undefined);
  const share = Math.ceil(leases.length / loads.size);
  return {
    take: free.slice(0, Math.max(0, share - mine)),
    claim: free.length === 0 ? findClaim(leases, loads, me) : undefined,
    handOver: findHandOvers(leases, loads, me),
  };
}

function findHandOvers(
  leases: readonly ShardLease[],
  loads: ReadonlyMap<string, number>,
  me: string,
): ReadonlyMap<number, string> {
  const later = new Map(loads);
  const loadOf = (replica: string): number => later.get(replica) ?? 0;
  const handOvers = new Map<number, string>();
  for (const [shard, { holder, claimant }] of leases.entries()) {
    if (holder !== me || claimant === undefined || loadOf(me) - loadOf(claimant) < 2) continue;
    handOvers.set(shard, claimant);
    later.set(me, loadOf(me) - 1);
    later.set(claimant, loadOf(claimant) + 1);
  }
  return handOvers;
}

function findClaim(
  leases: readonly ShardLease[],
  loads: ReadonlyMap<string, number>,
  me: string,
): number | undefined {
  // A shard that is already claimed will be handed over.
  const claimed = numbersOf(leases, ({ holder, claimant }) => claimant === me && holder !== me);
  const mine = (loads.get(me) ?? 0) + claimed.length;
  const most = Math.max(...loads.values());
  if (most - mine < 2) return undefined;
  const [claim] = numbersOf(
    leases,
    ({ holder, claimant }) => holder !== undefined && loads.get(holder) === most && claimant === undefined,
  );
  return claim;
}

function numbersOf(leases: readonly ShardLease[], wanted: (lease: ShardLease) => boolean): number[] {
  return leases.flatMap((lease, number) => (wanted(lease) ? [number] : []));
}

/**
 * The shard of a text, the same in every replica and release: FNV-1a (32 bit) of its UTF-16 code units, modulo `count`.
 *
 * @param count number of shards, 1 or more
 */
export function shardOf(text: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % count;
}
