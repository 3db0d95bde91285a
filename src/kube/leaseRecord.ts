import type { Clock } from '../clock.js';
import { isRecord } from '../json.js';
import type { KubeClient } from './client.js';
import { isConflict, isNotFound } from './errors.js';
import { microTime } from './microTime.js';
import type { KubeObject } from './object.js';
import { LEASES } from './resources.js';

/** client-go's defaults, in milliseconds. */
export interface LeaseTimings {
  /** Others may take a lease that was not renewed for so long. */
  readonly leaseMs: number;
  /** A holder that could not renew for so long stops. Less than `leaseMs`, so that it stops before another starts. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const LEASE_TIMINGS: LeaseTimings = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** On the Lease of a shard: the identity of a replica that asks for it. */
const CLAIM = 'cloudjob.dev/claimed-by';

/**
 * The name of a shard's Lease. Where there is one shard, it is that of plain leader election.
 *
 * @param name what the Leases of all shards have in common
 */
export function leaseName(name: string, shard: number, count: number): string {
  return count === 1 ? name : `${name}-shard-${shard}-of-${count}`;
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

/** Who asks the holder of the Lease for it. */
export function claimantOf({ metadata: { annotations } }: KubeObject): string | undefined {
  const claimant = isRecord(annotations) ? annotations[CLAIM] : undefined;
  return typeof claimant === 'string' ? claimant : undefined;
}

export interface LeaseRecordsOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly namespace: string;
  /** Of the Lease; with more than one shard, the Leases are called `NAME-shard-0-of-4` and so on. */
  readonly name: string;
  /** Who this process is; never the same twice. */
  readonly identity: string;
  /** How many shards there are, 1 or more; the same in every replica. */
  readonly count: number;
}

/**
 * The Leases of all shards, as the API server stores them. They are written only in the version that was read.
 * All methods throw `KubeError`.
 */
export class LeaseRecords {
  constructor(
    private readonly options: LeaseRecordsOptions,
    private readonly leaseMs: number,
  ) {}

  nameOf(shard: number): string {
    const { name, count } = this.options;
    return leaseName(name, shard, count);
  }

  /** Undefined where there is none yet. */
  async read(shard: number, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { client, namespace } = this.options;
    try {
      return await client.get(LEASES, { namespace, name: this.nameOf(shard) }, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All of them, by shard. */
  readAll(signal: AbortSignal): Promise<(KubeObject | undefined)[]> {
    const { count } = this.options;
    return Promise.all(Array.from({ length: count }, (_, shard) => this.read(shard, signal)));
  }

  /** Takes or renews the Lease for this process. @param lease as it was read */
  async hold(shard: number, lease: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    const { client, identity, namespace } = this.options;
    const spec = this.#heldBy(identity, lease);
    // A claim that is not granted is taken off: its claimant may be gone, and asks again if not.
    if (lease !== undefined) return this.#patch(lease, spec, noClaim(lease), signal);
    const metadata = { name: this.nameOf(shard) };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    await client.create(LEASES, namespace, body, signal);
  }

  /** Asks the holder of the Lease for it. @param lease as it was read */
  async claim(lease: KubeObject, signal: AbortSignal): Promise<void> {
    await this.#patch(lease, {}, { [CLAIM]: this.options.identity }, signal);
  }

  /**
   * Writes the next holder into a Lease that this process no longer works for. Returns whether it was still its own.
   *
   * @param next `''`: nobody; whoever comes next need not wait
   */
  async passOn(shard: number, next: string, signal: AbortSignal): Promise<boolean> {
    const lease = await this.read(shard, signal);
    if (lease === undefined || leaseSpec(lease).holderIdentity !== this.options.identity) return false;
    const spec = next === '' ? this.#renewal('', 1_000) : this.#heldBy(next, lease);
    try {
      await this.#patch(lease, spec, noClaim(lease), signal);
      return true;
    } catch (error) {
      // It was claimed meanwhile.
      if (isConflict(error)) return this.passOn(shard, next, signal);
      throw error;
    }
  }

  #heldBy(holder: string, lease: KubeObject | undefined): Readonly<Record<string, unknown>> {
    const renewal = this.#renewal(holder, this.leaseMs);
    const { holderIdentity, leaseTransitions } = lease === undefined ? NO_LEASE : leaseSpec(lease);
    if (holderIdentity === holder) return renewal;
    return { ...renewal, acquireTime: renewal.renewTime, leaseTransitions: leaseTransitions + 1 };
  }

  #renewal(holderIdentity: string, leaseMs: number) {
    const renewTime = microTime(this.options.clock.now());
    return { holderIdentity, leaseDurationSeconds: Math.ceil(leaseMs / 1000), renewTime };
  }

  async #patch(
    { metadata: { name, resourceVersion } }: KubeObject,
    spec: Readonly<Record<string, unknown>>,
    annotations: Readonly<Record<string, string | null>> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace } = this.options;
    const metadata = { resourceVersion, ...(annotations === undefined ? {} : { annotations }) };
    await client.mergePatch(LEASES, { namespace, name }, { metadata, spec }, {}, signal);
  }
}

/** Before the first holder, so that it is no transition. */
const NO_LEASE: Pick<LeaseSpec, 'holderIdentity' | 'leaseTransitions'> = {
  holderIdentity: '',
  leaseTransitions: -1,
};

function noClaim(lease: KubeObject): { readonly [CLAIM]: null } | undefined {
  return claimantOf(lease) === undefined ? undefined : { [CLAIM]: null };
}
