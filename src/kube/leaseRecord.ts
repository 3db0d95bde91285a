import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { isRecord } from '../json.js';
import type { KubeClient } from './client.js';
import { isConflict, isNotFound } from './errors.js';
import { microTime } from './microTime.js';
import type { KubeObject } from './object.js';
import { LEASES } from './resources.js';

/** client-go's defaults, in milliseconds. */
export const LEASE_TIMINGS = {
  /** Others may take a Lease that was not renewed for this time. */
  leaseMs: 15_000,
  /** A holder that could not renew for this time stops. Less than `leaseMs`, so it stops before another starts. */
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
} as const;

/** On the Lease of a shard: the identity of a replica that claims it. */
const CLAIM = 'cloudjob.dev/claimed-by';
/** On the Lease of plain leader election, while nobody holds it: the number of shards. */
const SHARDS = 'cloudjob.dev/shards';

/** Leaves room for the shard number: other tools limit the names of Leases to 63 characters. */
const MAX_SCOPED_NAME = 63 - '-shard-0-of-5'.length;

/**
 * The common part of the names of an installation's Leases. Installations that watch different namespaces must not wait
 * for each other.
 *
 * @param namespaces that it watches; empty: all
 */
export function scopedLeaseName(name: string, namespaces: readonly string[]): string {
  if (namespaces.length === 0) return name;
  // No namespace has a dot in its name.
  const scope = namespaces.toSorted().join('.');
  const scoped = `${name}.${scope}`;
  if (scoped.length <= MAX_SCOPED_NAME) return scoped;
  return `${name}.${createHash('sha256').update(scope).digest('hex').slice(0, 12)}`;
}

/**
 * The name of a shard's Lease. With one shard, it is that of plain leader election.
 *
 * @param name the common part of the names of all shards' Leases
 */
export function leaseName(name: string, shard: number, count: number): string {
  return count === 1 ? name : `${name}-shard-${shard}-of-${count}`;
}

/** The fields of a Lease that matter here; a missing field gets a harmless value. */
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

/** The replica that claims the Lease. */
export function claimantOf({ metadata: { annotations } }: KubeObject): string | undefined {
  const claimant = isRecord(annotations) ? annotations[CLAIM] : undefined;
  return typeof claimant === 'string' ? claimant : undefined;
}

/** The number of shards, 1 to 9, as written on the Lease of plain leader election. */
export function shardsOf({ metadata: { annotations } }: KubeObject): number {
  const shards = isRecord(annotations) ? annotations[SHARDS] : undefined;
  return typeof shards === 'string' && /^[2-9]$/.test(shards) ? Number(shards) : 1;
}

export interface LeaseRecordsOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly namespace: string;
  /** The name of the Lease; with more than one shard, the Leases are called `NAME-shard-0-of-4` and so on. */
  readonly name: string;
  /** The identity of this process; it is unique. */
  readonly identity: string;
  /** The number of shards, 1 or more; the same in every replica. */
  readonly count: number;
}

/**
 * The Leases of all shards, as the API server stores them. Each write is bound to the version that was read.
 * All methods throw `KubeError`.
 */
export class LeaseRecords {
  constructor(private readonly options: LeaseRecordsOptions) {}

  nameOf(shard: number): string {
    const { name, count } = this.options;
    return leaseName(name, shard, count);
  }

  /** Undefined if it does not exist yet. @param count number of shards; this process's if left out */
  async read(
    shard: number,
    signal: AbortSignal,
    count = this.options.count,
  ): Promise<KubeObject | undefined> {
    const { client, namespace, name } = this.options;
    try {
      return await client.get(LEASES, { namespace, name: leaseName(name, shard, count) }, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All of them, by shard. @param count number of shards; this process's if left out */
  readAll(signal: AbortSignal, count = this.options.count): Promise<(KubeObject | undefined)[]> {
    return Promise.all(Array.from({ length: count }, (_, shard) => this.read(shard, signal, count)));
  }

  /**
   * Writes the number of shards, more than one, onto the Lease of plain leader election, which nobody holds then.
   * @param lease as it was read
   */
  async writeCount(lease: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    const { count, name } = this.options;
    const spec = this.#renewal('', 1_000);
    const annotations = { [SHARDS]: String(count) };
    if (lease !== undefined) return this.#patch(lease, spec, annotations, signal);
    await this.#create({ name, annotations }, spec, signal);
  }

  /** Takes or renews the Lease for this process. @param lease as it was read */
  async hold(shard: number, lease: KubeObject | undefined, signal: AbortSignal): Promise<void> {
    const spec = this.#heldBy(this.options.identity, lease);
    // A claim that is not granted is removed: its claimant may be gone. If not, it claims again.
    if (lease !== undefined) return this.#patch(lease, spec, withoutMarks(lease), signal);
    await this.#create({ name: this.nameOf(shard) }, spec, signal);
  }

  /** Claims the Lease from its holder. @param lease as it was read */
  async claim(lease: KubeObject, signal: AbortSignal): Promise<void> {
    await this.#patch(lease, {}, { [CLAIM]: this.options.identity }, signal);
  }

  /**
   * Writes the next holder into a Lease whose work has ended here. Returns whether this process still held it.
   *
   * @param next `''`: nobody; the next replica need not wait
   */
  async passOn(shard: number, next: string, signal: AbortSignal): Promise<boolean> {
    const lease = await this.read(shard, signal);
    if (lease === undefined || leaseSpec(lease).holderIdentity !== this.options.identity) return false;
    const spec = next === '' ? this.#renewal('', 1_000) : this.#heldBy(next, lease);
    try {
      await this.#patch(lease, spec, withoutMarks(lease), signal);
      return true;
    } catch (error) {
      // Another replica claimed it meanwhile.
      if (isConflict(error)) return this.passOn(shard, next, signal);
      throw error;
    }
  }

  #heldBy(holder: string, lease: KubeObject | undefined): Readonly<Record<string, unknown>> {
    const renewal = this.#renewal(holder, LEASE_TIMINGS.leaseMs);
    const { holderIdentity, leaseTransitions } = lease === undefined ? NO_LEASE : leaseSpec(lease);
    if (holderIdentity === holder) return renewal;
    return { ...renewal, acquireTime: renewal.renewTime, leaseTransitions: leaseTransitions + 1 };
  }

  #renewal(holderIdentity: string, leaseMs: number) {
    const renewTime = microTime(this.options.clock.now());
    return { holderIdentity, leaseDurationSeconds: Math.ceil(leaseMs / 1000), renewTime };
  }

  async #create(
    metadata: Readonly<Record<string, unknown>>,
    spec: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace } = this.options;
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    await client.create(LEASES, namespace, body, signal);
  }

  async #patch(
    { metadata: { name, resourceVersion } }: KubeObject,
    spec: Readonly<Record<string, unknown>>,
    annotations: Readonly<Record<string, string | null>> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace } = this.options;
    const metadata = { resourceVersion, ...(annotations === undefined ? {} : { annotations }) };
    await client.mergePatch(LEASES, { namespace, name }, { metadata, spec }, signal);
  }
}

/** The state before the first holder, so that the first one is not a transition. */
const NO_LEASE: Pick<LeaseSpec, 'holderIdentity' | 'leaseTransitions'> = {
  holderIdentity: '',
  leaseTransitions: -1,
};

/** The annotations that remove claim and number of shards from the Lease; undefined if it has neither. */
function withoutMarks({ metadata: { annotations } }: KubeObject): Readonly<Record<string, null>> | undefined {
  const marks = [CLAIM, SHARDS].filter((mark) => isRecord(annotations) && mark in annotations);
  return marks.length === 0 ? undefined : Object.fromEntries(marks.map((mark) => [mark, null]));
}
