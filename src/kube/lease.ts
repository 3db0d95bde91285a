import type { Logger } from '../ops/log.js';
import { onAbort, sleep, untilAborted, withDeadline } from '../signals.js';
import { isAlreadyExists, isConflict } from './errors.js';
import { LeaseAges } from './leaseAges.js';
import {
  claimantOf,
  LEASE_TIMINGS,
  LeaseRecords,
  leaseSpec,
  type LeaseRecordsOptions,
} from './leaseRecord.js';
import type { KubeObject } from './object.js';
import { ShardCount } from './shardCount.js';
import { planShards, type ShardLease, type ShardPlan } from './shardPlan.js';

/** The reason in place of a holder. */
const NOBODY = '';
const OTHER_COUNT = 'standing by, because others work with another number of shards';
const SAME_COUNT = 'start all replicas with the same --shards; this one works when the others have stopped';
const NO_CHANGES: ShardPlan = { take: [], claim: undefined, handOver: new Map() };

/** Another process took a Lease, or it could not be renewed in time. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface LeaseHolderOptions extends LeaseRecordsOptions {
  /** Returns 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /**
   * What the identities of this container's earlier processes begin with. They are dead, so their Leases are free.
   * Undefined: there are none that are known to be.
   */
  readonly predecessors?: string | undefined;
}

/** Does the work of one shard until `stop` or `lost` aborts; must end soon after that, and at once after `lost`. */
export type ShardRun = (shard: number, stop: AbortSignal, lost: AbortSignal) => Promise<void>;

interface Held {
  /** Ends the work gracefully. */
  readonly stop: AbortController;
  ended: Promise<void>;
  /** Until then no other replica can take the Lease; on the monotonic clock. */
  heldUntil: number;
  /** Cancels the timer that gives up the Lease then. */
  cancelDeadline: () => void;
  /** The replica that gets the Lease after the work has ended; undefined: no handover is planned. */
  next?: string;
}

/**
 * Leases (coordination.k8s.io/v1) with client-go's semantics: work belongs to the replica that holds its Lease. With one
 * shard this is leader election: one replica works, the others stand by. With more, `planShards` decides which Leases a
 * replica takes, claims and hands over. Safety depends only on the Leases: each write is bound to the version that was
 * read, and a replica works only while its Lease is renewed in time.
 */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  readonly #records: LeaseRecords;
  readonly #ages = new LeaseAges();
  readonly #shardCount: ShardCount;
  readonly #held = new Map<number, Held>();
  readonly #lost = new AbortController();
  /** Whether this process may hold a Lease: it has tried to write its name into one. */
  #hasApplied = false;
  /** The last logged reason why this replica does not work; `''`: it works, or will soon. */
  #standby = '';

  constructor(options: LeaseHolderOptions) {
    this.#options = options;
    this.#records = new LeaseRecords(options);
    this.#shardCount = new ShardCount(this.#records, options.count, (lease) => this.#isLive(lease));
  }

  /**
   * Whether this process may work on its shards. It reads the clock and does not rely on a timer, so it is correct
   * immediately after a pause of the process.
   */
  get leading(): boolean {
    const now = this.#options.clock.monotonic();
    const held = [...this.#held.values()];
    return held.length > 0 && held.every(({ heldUntil }) => now < heldUntil);
  }

  /**
   * Takes its part of the Leases, works while it holds them until `stop` aborts, and releases them. Runs once.
   *
   * @throws LeaseLost when one of the Leases was lost during the work: all work is aborted at once, for all its Leases
   * @throws what the work throws
   */
  async run(stop: AbortSignal, work: ShardRun): Promise<void> {
    if (stop.aborted) return;
    const { clock, random } = this.#options;
    const { retryMs } = LEASE_TIMINGS;
    const lost = this.#lost.signal;
    const over = new AbortController();
    const endWork = async (): Promise<void> => {
      for (const held of this.#held.values()) held.stop.abort();
      await this.#workEnded();
      over.abort();
    };
    const unlisten = [onAbort(stop, () => void endWork()), onAbort(lost, () => over.abort())];
    while (!over.signal.aborted) {
      await this.#round(work, stop, over.signal);
      // An expired Lease is taken at once. Waiting replicas try at different times; renewals are never late.
      const jitterMs = this.#held.size > 0 ? 0 : 0.2 * retryMs * random();
      const waitMs = Math.min(retryMs, this.#ages.nextExpiryMs(clock.monotonic()));
      await sleep(clock, waitMs + jitterMs, over.signal);
    }
    for (const takeBack of unlisten) takeBack();
    await this.#workEnded();
    for (const { cancelDeadline } of this.#held.values()) cancelDeadline();
    this.#held.clear();
    if (!(lost.reason instanceof LeaseLost)) await this.#releaseAll();
    if (lost.aborted) throw lost.reason;
  }

  async #workEnded(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ ended }) => ended));
  }

  /** Reads all Leases, renews those of this replica, and carries out the plan; failures are left to the next round. */
  async #round(work: ShardRun, stop: AbortSignal, over: AbortSignal): Promise<void> {
    const { clock, identity, count } = this.#options;
    const round = async (signal: AbortSignal): Promise<void> => {
      const leases = await this.#records.readAll(signal);
      const plain = count === 1 ? leases[0] : await this.#records.read(0, signal, 1);
      const others = stop.aborted ? undefined : await this.#shardCount.ofOthers(plain, signal);
      const seen = leases.map((lease, shard) => this.#view(lease, shard));
      if (this.#lost.signal.aborted) return;
      this.#reportStandby(others, seen);
      const isOut = stop.aborted || others !== undefined;
      const { take, claim, handOver } = isOut ? NO_CHANGES : planShards(seen, identity);
      const act = async (lease: KubeObject | undefined, shard: number): Promise<void> => {
        const held = this.#held.get(shard);
        if (held !== undefined) {
          const next = held.next ?? (others === undefined ? handOver.get(shard) : NOBODY);
          await this.#renew(held, shard, lease, signal);
          if (next !== undefined) await this.#handOver(held, next, shard, signal);
        } else if (take.includes(shard) || (seen[shard]?.holder === identity && !isOut)) {
          await this.#take(shard, lease, work, stop, signal);
        } else if (claim === shard && lease !== undefined) {
          await this.#records.claim(lease, signal);
        }
      };
      await Promise.all(leases.map((lease, shard) => this.#unlessFailed(over, () => act(lease, shard))));
    };
    await withDeadline(clock, LEASE_TIMINGS.renewDeadlineMs / 2, over, (signal) =>
      this.#unlessFailed(over, () => round(signal)),
    );
  }

  async #unlessFailed(over: AbortSignal, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      // Another replica was faster (the next round will show it), or the process ends.
      if (isConflict(error) || isAlreadyExists(error) || over.aborted) return;
      const { logger, namespace, name } = this.#options;
      logger.warn('lease not reachable', { namespace, lease: name, error: String(error) });
    }
  }

  #view(lease: KubeObject | undefined, shard: number): ShardLease {
    const { identity } = this.#options;
    const held = this.#held.get(shard);
    // A Lease that is being handed over counts for its next holder.
    const mine = held && (held.next ?? identity);
    if (lease === undefined) return { holder: mine || undefined, claimant: undefined };
    const { holderIdentity } = leaseSpec(lease);
    if (held !== undefined && holderIdentity !== NOBODY && holderIdentity !== identity) this.#lose(shard);
    const isTaken = holderIdentity === identity || this.#isLive(lease);
    const holder = mine ?? (isTaken ? holderIdentity : NOBODY);
    return { holder: holder || undefined, claimant: claimantOf(lease) };
  }

  /** Whether another replica holds the Lease, and has renewed it in time. */
  #isLive(lease: KubeObject): boolean {
    const { clock, identity, predecessors } = this.#options;
    const { holderIdentity } = leaseSpec(lease);
    if (predecessors !== undefined && holderIdentity.startsWith(predecessors)) return false;
    const isOthers = holderIdentity !== NOBODY && holderIdentity !== identity;
    return isOthers && !this.#ages.isExpired(lease, clock.monotonic());
  }

  /** Logs once why this replica does not work. @param others the number of shards that other replicas use */
  #reportStandby(others: number | undefined, seen: readonly ShardLease[]): void {
    const { logger, namespace, name, count } = this.#options;
    const isFull = this.#held.size === 0 && seen.every(({ holder }) => holder !== undefined);
    const holder = isFull ? [...new Set(seen.map((lease) => lease.holder))].join(', ') : '';
    const reason = others === undefined ? holder : `${others} shards`;
    if (reason === this.#standby) return;
    this.#standby = reason;
    const fields = { namespace, lease: name };
    if (others !== undefined)
      logger.warn(OTHER_COUNT, { ...fields, shards: count, others, remedy: SAME_COUNT });
    else if (reason !== '') logger.info('waiting for the lease', { ...fields, holder });
  }

  /** Takes the Lease and starts the work. */
  async #take(
    shard: number,
    lease: KubeObject | undefined,
    work: ShardRun,
    stop: AbortSignal,
    signal: AbortSignal,
  ): Promise<void> {
    const { logger, namespace, identity } = this.#options;
    const heldUntil = await this.#hold(shard, lease, signal);
    if (stop.aborted || this.#lost.signal.aborted) return;
    logger.info('lease acquired', { namespace, lease: this.#records.nameOf(shard), identity });
    const held: Held = {
      stop: new AbortController(),
      ended: Promise.resolve(),
      heldUntil,
      cancelDeadline: this.#loseAt(heldUntil, shard),
    };
    this.#held.set(shard, held);
    held.ended = work(shard, held.stop.signal, this.#lost.signal).catch((error: unknown) =>
      this.#lost.abort(error),
    );
  }

  async #renew(held: Held, shard: number, lease: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    const heldUntil = await this.#hold(shard, lease, signal);
    held.cancelDeadline();
    held.heldUntil = heldUntil;
    held.cancelDeadline = this.#loseAt(heldUntil, shard);
  }

  /** Takes or renews the Lease. Returns until when no other replica can take it, on the monotonic clock. */
  async #hold(shard: number, lease: KubeObject | undefined, signal: AbortSignal): Promise<number> {
    // Counted from before the request: the server may have stored it at once and answered late.
    const heldUntil = this.#options.clock.monotonic() + LEASE_TIMINGS.renewDeadlineMs;
    this.#hasApplied = true;
    await this.#records.hold(shard, lease, signal);
    return heldUntil;
  }

  /** Ends the work on the shard, then gives its Lease to the next holder. */
  async #handOver(held: Held, next: string, shard: number, signal: AbortSignal): Promise<void> {
    const { logger, namespace } = this.#options;
    const lease = this.#records.nameOf(shard);
    held.next = next;
    held.stop.abort();
    await untilAborted(held.ended, signal);
    if (signal.aborted || this.#lost.signal.aborted) return;
    held.cancelDeadline();
    this.#held.delete(shard);
    const isPassedOn = await this.#records.passOn(shard, next, signal);
    if (isPassedOn) logger.info('lease handed over', { namespace, lease, to: next });
  }

  /** Releases the Lease, so that others need not wait; if it fails, they wait. */
  async #releaseAll(): Promise<void> {
    if (!this.#hasApplied) return;
    const { clock, count, identity, logger, namespace } = this.#options;
    const release = async (shard: number, signal: AbortSignal): Promise<void> => {
      const lease = this.#records.nameOf(shard);
      try {
        const isReleased = await this.#records.passOn(shard, '', signal);
        if (isReleased) logger.info('lease released', { namespace, lease, identity });
      } catch (error) {
        logger.warn('lease not released', { namespace, lease, error: String(error) });
      }
    };
    await withDeadline(clock, LEASE_TIMINGS.retryMs, new AbortController().signal, async (signal) => {
      await Promise.all(Array.from({ length: count }, (_, shard) => release(shard, signal)));
    });
  }

  #loseAt(heldUntil: number, shard: number): () => void {
    const { clock } = this.#options;
    return clock.schedule(heldUntil - clock.monotonic(), () => this.#lose(shard));
  }

  #lose(shard: number): void {
    if (this.#lost.signal.aborted) return;
    const { logger, namespace } = this.#options;
    const lease = this.#records.nameOf(shard);
    logger.error('lease lost', { namespace, lease });
    this.#lost.abort(new LeaseLost(`lease ${namespace}/${lease} was lost; another replica may hold it now`));
  }
}
