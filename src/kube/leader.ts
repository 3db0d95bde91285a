import type { Clock } from '../clock.js';
import type { Logger } from '../ops/log.js';
import type { KubeClient } from './client.js';
import { isAlreadyExists, isConflict, isNotFound } from './errors.js';
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
import { onAbort, sleep, withDeadline } from '../signals.js';
import { LEASES } from './resources.js';

export interface LeaderElectionOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly namespace: string;
  readonly name: string;
  /** Who this process is; never the same twice. */
  readonly identity: string;
  readonly timings?: LeaseTimings;
}

/**
 * One of several replicas works at a time: the one that holds a Lease (coordination.k8s.io/v1), with client-go's
 * semantics. The age of another's Lease is measured on this process's monotonic clock, from when it was seen to
 * change: clocks that disagree or step do no harm.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #timings: LeaseTimings;
  readonly #ages = new LeaseAges();
  #leading = false;
  /** Until when nobody else can have taken the Lease, on the monotonic clock. */
  #heldUntil = -Infinity;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#timings = options.timings ?? LEASE_TIMINGS;
  }

  /** Whether this process leads. It asks the clock, not a timer: after a pause of the process it is right at once. */
  get leading(): boolean {
    return this.#leading && this.#options.clock.monotonic() < this.#heldUntil;
  }

  /**
   * Waits for the Lease, works while it is held, and gives it back when the work is done.
   *
   * @param stop ends the waiting; the work has to heed it by itself
   * @param work must end soon after its signal aborts: another replica is about to begin
   * @throws LeaseLost when the Lease was lost under the work
   */
  async lead(stop: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { logger, namespace, name, identity } = this.#options;
    if (!(await this.#acquire(stop))) return;
    this.#leading = true;
    logger.info('lease acquired', { namespace, lease: name, identity });
    const lost = new AbortController();
    const done = new AbortController();
    const renewing = this.#renew(lost, done.signal);
    try {
      await work(lost.signal);
    } finally {
      this.#leading = false;
      done.abort();
      await renewing;
      if (!lost.signal.aborted) await this.#release();
    }
    if (lost.signal.aborted) {
      throw new LeaseLost(`lease ${namespace}/${name} was lost; another replica may be leading now`);
    }
  }

  /** Whether the Lease was got before `stop` aborted. */
  async #acquire(stop: AbortSignal): Promise<boolean> {
    const { clock, random, name } = this.#options;
    const { retryMs } = this.#timings;
    while (!stop.aborted) {
      if (await this.#attempt(stop)) return true;
      // Of a leader that died, the Lease is taken as soon as it expires.
      const expiresInMs = this.#ages.expiresInMs(name, clock.monotonic());
      await sleep(clock, Math.min(retryMs, expiresInMs) + 0.2 * retryMs * random(), stop);
    }
    return false;
  }

  /** Renews until done; aborts `lost` when that has not worked for `renewDeadlineMs`. */
  async #renew(lost: AbortController, done: AbortSignal): Promise<void> {
    const { clock, logger, namespace, name } = this.#options;
    const { retryMs } = this.#timings;
    const lose = (): void => {
      logger.error('lease lost', { namespace, lease: name });
      lost.abort();
    };
    const watch = (): (() => void) => clock.schedule(this.#heldUntil - clock.monotonic(), lose);
    const end = new AbortController();
    const unlisten = [done, lost.signal].map((signal) => onAbort(signal, () => end.abort()));
    let cancel = watch();
    for (;;) {
      await sleep(clock, retryMs, end.signal);
      if (done.aborted || lost.signal.aborted) break;
      await this.#attempt(lost.signal);
      if (lost.signal.aborted) break;
      cancel();
      cancel = watch();
    }
    cancel();
    for (const takeBack of unlisten) takeBack();
  }

  /** One try to get or keep the Lease; false when somebody else has it or the API server fails. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    // From before the request: the server may have stored it at once and answered late.
    const startedAt = this.#options.clock.monotonic();
    const { renewDeadlineMs } = this.#timings;
    const held = await withDeadline(this.#options.clock, renewDeadlineMs / 2, signal, (given) =>
      this.#try(given),
    );
    if (held) this.#heldUntil = startedAt + renewDeadlineMs;
    return held;
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, clock, logger, namespace, name, identity } = this.#options;
    try {
      const lease = await client.get(LEASES, { namespace, name }, signal);
      const before = leaseSpec(lease);
      const isOurs = before.holderIdentity === identity;
      const isFree = before.holderIdentity === '' || this.#ages.isExpired(lease, clock.monotonic());
      if (!isOurs && !isFree) {
        this.#heldUntil = -Infinity;
        return false;
      }
      const taken = isOurs ? {} : acquisition(before, clock.now());
      await this.#write(lease, { ...this.#claim(), ...taken }, signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return await this.#create(signal);
      if (!isConflict(error) && !signal.aborted) {
        logger.warn('lease not reachable', { namespace, lease: name, error: String(error) });
      }
      return false;
    }
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const { client, clock, logger, namespace, name } = this.#options;
    const spec = { ...this.#claim(), ...acquisition(undefined, clock.now()) };
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
    try {
      await client.create(LEASES, namespace, lease, signal);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) {
        logger.warn('lease not reachable', { namespace, lease: name, error: String(error) });
      }
      return false;
    }
  }

  /** Gives the Lease back, so that the next leader need not wait; a failure only costs that wait. */
  async #release(): Promise<void> {
    const { client, clock, namespace, name, identity, logger } = this.#options;
    const late = new AbortController();
    const cancel = clock.schedule(this.#timings.retryMs, () => late.abort());
    try {
      const lease = await client.get(LEASES, { namespace, name }, late.signal);
      if (leaseSpec(lease).holderIdentity !== identity) return;
      await this.#write(lease, release(clock.now()), late.signal);
      logger.info('lease released', { namespace, lease: name, identity });
    } catch (error) {
      logger.warn('lease not released', { namespace, lease: name, error: String(error) });
    } finally {
      cancel();
    }
  }

  /** Writes the Lease unless somebody else did since it was read. */
  async #write({ metadata }: KubeObject, spec: Record<string, unknown>, signal: AbortSignal): Promise<void> {
    const { namespace, name } = this.#options;
    const { resourceVersion } = metadata;
    await this.#options.client.mergePatch(
      LEASES,
      { namespace, name },
      { metadata: { resourceVersion }, spec },
      {},
      signal,
    );
  }

  #claim(): Record<string, unknown> {
    const { identity, clock } = this.#options;
    return renewal(identity, this.#timings.leaseMs, clock.now());
  }
}
