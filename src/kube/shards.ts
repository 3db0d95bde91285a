import { isAlreadyExists, isConflict, isNotFound } from './errors.js';
import { isRecord } from '../json.js';
import type { LeaderElectionOptions } from './leader.js';
import {
  acquisition,
  LEASE_TIMINGS,
  LeaseAges,
  LeaseLost,
  leaseSpec,
  release,
  renewal,
  type LeaseTimings,
} from './lease.js';
import type { KubeObject } from './object.js';
import { planShards, type ShardLease } from './shardPlan.js';
import { onAbort, sleep, untilAborted, withDeadline } from '../signals.js';
import { LEASES } from './resources.js';

/** On the Lease of a shard: the identity of a replica that asks for it. */
const CLAIM = 'cloudjob.dev/claimed-by';

/** The Leases are called `NAME-shard-0-of-4` and so on. */
export interface ShardsOptions extends LeaderElectionOptions {
  /** How many shards there are, 1 or more; the same in every replica. */
  readonly count: number;
}

/** Does the work of one shard until `stop` or `lost` aborts; must end soon after that, and at once after `lost`. */
export type ShardRun = (shard: number, stop: AbortSignal, lost: AbortSignal) => Promise<void>;

interface Held {
  /** Ends the work in good order. */
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** Until when nobody else can have taken the Lease, on the monotonic clock. */
  heldUntil: number;
  /** Of the timer that loses the Lease then. */
  cancelDeadline: () => void;
}

/**
 * Several replicas share the work, split into a fixed number of shards: each shard has a Lease, and belongs to whoever
 * holds that. `planShards` says who takes, claims and hands over what; the safety lies in the Leases alone, which are
 * written only in the version that was read, and worked for only while they are renewed in time.
 */
export class Shards {
  readonly #options: ShardsOptions;
  readonly #timings: LeaseTimings;
  readonly #ages = new LeaseAges();
  readonly #held = new Map<number, Held>();
  readonly #lost = new AbortController();

  constructor(options: ShardsOptions) {
    this.#options = options;
    this.#timings = options.timings ?? LEASE_TIMINGS;
  }

  /**
   * Whether this process may work on its shards. It asks the clock, not a timer: after a pause of the process it is
   * right at once.
   */
  get leading(): boolean {
    const now = this.#options.clock.monotonic();
    const held = [...this.#held.values()];
    return held.length > 0 && held.every(({ heldUntil }) => now < heldUntil);
  }

  /**
   * Takes its part of the shards, works on them until `stop` aborts, and gives them back.
   *
   * @throws LeaseLost when one of the Leases was lost under the work: all work is aborted at once, that of the others too
   * @throws what the work throws
   */
  async run(stop: AbortSignal, work: ShardRun): Promise<void> {
    const { clock, random } = this.#options;
    const end = new AbortController();
    const unlisten = [stop, this.#lost.signal].map((signal) => onAbort(signal, () => end.abort()));
    while (!end.signal.aborted) {
      await this.#round(work, end.signal);
      await sleep(clock, this.#timings.retryMs * (1 + 0.2 * random()), end.signal);
    }
    for (const takeBack of unlisten) takeBack();
    for (const held of this.#held.values()) held.stop.abort();
    await Promise.all([...this.#held.values()].map(({ ended }) => ended));
    for (const { cancelDeadline } of this.#held.values()) cancelDeadline();
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
    await this.#giveBack();
  }

  /** Reads all Leases, renews those of this replica, and does what the plan says; what fails is for the next round. */
  async #round(work: ShardRun, end: AbortSignal): Promise<void> {
    const { identity } = this.#options;
    await this.#withDeadline(this.#timings.renewDeadlineMs / 2, end, async (signal) => {
      const leases = await this.#readAll(signal);
      const seen = leases.map((lease, shard) => this.#view(lease, shard));
      if (this.#lost.signal.aborted) return;
      const { take, claim, handOver } = planShards(seen, identity);
      const act = async (lease: KubeObject | undefined, shard: number): Promise<void> => {
        const held = this.#held.get(shard);
        if (held !== undefined && (handOver.has(shard) || held.stop.signal.aborted)) {
          await this.#handOver(shard, held, lease, handOver.get(shard) ?? '', signal);
        } else if (take.includes(shard) || seen[shard]?.holder === identity) {
          await this.#take(shard, lease, work, signal);
        } else if (claim === shard && lease !== undefined) {
          await this.#patch(lease, { annotations: { [CLAIM]: identity } }, {}, signal);
        }
      };
      await Promise.all(leases.map((lease, shard) => this.#unlessFailed(end, () => act(lease, shard))));
    });
  }

  #withDeadline(ms: number, end: AbortSignal, task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    return withDeadline(this.#options.clock, ms, end, (signal) =>
      this.#unlessFailed(end, () => task(signal)),
    );
  }

  async #unlessFailed(end: AbortSignal, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      // Another replica was faster, which the next round shows; or this is the end.
      if (isConflict(error) || isAlreadyExists(error) || end.aborted) return;
      const { logger, namespace } = this.#options;
      logger.warn('lease not reachable', { namespace, error: String(error) });
    }
  }

  #readAll(signal: AbortSignal): Promise<(KubeObject | undefined)[]> {
    const { count } = this.#options;
    return Promise.all(Array.from({ length: count }, (_, shard) => this.#read(shard, signal)));
  }

  async #read(shard: number, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { client, namespace } = this.#options;
    try {
      return await client.get(LEASES, { namespace, name: this.#nameOf(shard) }, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #view(lease: KubeObject | undefined, shard: number): ShardLease {
    const { clock, identity } = this.#options;
    const isHeld = this.#held.has(shard);
    if (lease === undefined) return { holder: isHeld ? identity : undefined, claimant: undefined };
    const { holderIdentity } = leaseSpec(lease);
    const isExpired = this.#ages.isExpired(lease, clock.monotonic());
    if (isHeld && holderIdentity !== identity && holderIdentity !== '') this.#lose(shard);
    const isFree = holderIdentity === '' || (isExpired && holderIdentity !== identity);
    const { annotations } = lease.metadata;
    const claimant = isRecord(annotations) ? annotations[CLAIM] : undefined;
    return {
      holder: isHeld ? identity : isFree ? undefined : holderIdentity,
      claimant: typeof claimant === 'string' ? claimant : undefined,
    };
  }

  /** Takes or renews the Lease, and begins to work when it was taken. */
  async #take(
    shard: number,
    lease: KubeObject | undefined,
    work: ShardRun,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, identity, namespace, logger } = this.#options;
    const startedAt = clock.monotonic();
    const now = clock.now();
    const spec = renewal(identity, this.#timings.leaseMs, now);
    const before = lease === undefined ? undefined : leaseSpec(lease);
    const taken = before?.holderIdentity === identity ? {} : acquisition(before, now);
    if (lease === undefined) {
      const metadata = { name: this.#nameOf(shard) };
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec: { ...spec, ...taken },
      };
      await client.create(LEASES, namespace, body, signal);
    } else {
      // A claim that is not granted is taken off: its claimant may be gone, and asks again if not.
      await this.#patch(lease, { annotations: { [CLAIM]: null } }, { ...spec, ...taken }, signal);
    }
    // From before the request: the server may have stored it at once and answered late.
    const heldUntil = startedAt + this.#timings.renewDeadlineMs;
    const cancelDeadline = clock.schedule(heldUntil - clock.monotonic(), () => this.#lose(shard));
    const held = this.#held.get(shard);
    if (held !== undefined) {
      held.cancelDeadline();
      Object.assign(held, { heldUntil, cancelDeadline });
      return;
    }
    logger.info('shard acquired', { namespace, lease: this.#nameOf(shard), identity });
    const stop = new AbortController();
    const ended = work(shard, stop.signal, this.#lost.signal).catch((error: unknown) => {
      this.#lost.abort(error);
    });
    this.#held.set(shard, { stop, ended, heldUntil, cancelDeadline });
  }

  /** Ends the work on the shard, then writes its next holder (`''`: nobody) into the Lease. */
  async #handOver(
    shard: number,
    held: Held,
    lease: KubeObject | undefined,
    to: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, namespace, logger } = this.#options;
    held.stop.abort();
    await untilAborted(held.ended, signal);
    if (signal.aborted || this.#lost.signal.aborted) return;
    held.cancelDeadline();
    this.#held.delete(shard);
    if (lease === undefined) return;
    const now = clock.now();
    const spec =
      to === ''
        ? release(now)
        : { ...renewal(to, this.#timings.leaseMs, now), ...acquisition(leaseSpec(lease), now) };
    await this.#patch(lease, { annotations: { [CLAIM]: null } }, spec, signal);
    logger.info('shard handed over', { namespace, lease: lease.metadata.name, to });
  }

  /** So that others need not wait; a failure only costs that wait. */
  async #giveBack(): Promise<void> {
    const { clock, identity, namespace, logger } = this.#options;
    await this.#withDeadline(this.#timings.retryMs, new AbortController().signal, async (signal) => {
      for (const lease of await this.#readAll(signal)) {
        if (lease === undefined || leaseSpec(lease).holderIdentity !== identity) continue;
        await this.#patch(lease, {}, release(clock.now()), signal);
        logger.info('lease released', { namespace, lease: lease.metadata.name, identity });
      }
    });
  }

  #lose(shard: number): void {
    const { logger, namespace } = this.#options;
    const lease = this.#nameOf(shard);
    logger.error('lease lost', { namespace, lease });
    this.#lost.abort(
      new LeaseLost(`lease ${namespace}/${lease} was lost; another replica may be working on its shard now`),
    );
  }

  /** Writes the Lease unless somebody else did since it was read. */
  async #patch(
    { metadata: { name, resourceVersion } }: KubeObject,
    metadata: Readonly<Record<string, unknown>>,
    spec: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace } = this.#options;
    const patch = { metadata: { ...metadata, resourceVersion }, spec };
    await client.mergePatch(LEASES, { namespace, name }, patch, {}, signal);
  }

  #nameOf(shard: number): string {
    const { name, count } = this.#options;
    return shardLeaseName(name, shard, count);
  }
}

/** The Lease of a shard; `name` is the one that all shards have in common. */
export function shardLeaseName(name: string, shard: number, count: number): string {
  return `${name}-shard-${shard}-of-${count}`;
}
