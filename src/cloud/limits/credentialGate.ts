import type { Clock } from '../../clock.js';
import type { Authenticator } from '../auth/authenticator.js';
import { Breaker, joined, type BreakerSlot } from './breaker.js';
import type { CloudError } from '../errors.js';
import { Pool } from './pool.js';

interface Queue {
  readonly authenticator: Authenticator;
  readonly keys: Set<string>;
}

const TIMES = { openMs: 330_000, longestOpenMs: 3_600_000, countsUnderWay: true };
/** The cloud locks a key for 5 minutes, for everybody, after more than five failed signatures in a row. */
const FAILURES_BEFORE_LOCK = 5;
/** One replica alone leaves some of them to others who use the key. */
const MAX_FAILURES = 3;

/**
 * Holds back calls whose signatures might lock an access key: a breaker for each credential, and one for each access key,
 * because a wrong secret key that replaces another wrong one counts on. Keys (CloudJobs) wait here while the calls
 * under way use up what may still fail.
 */
export class CredentialGate {
  readonly #credentials: Pool<Breaker>;
  readonly #accessKeys: Pool<Breaker>;
  readonly #wake: (key: string) => void;
  /** By the fingerprint of the credential; none is empty. */
  readonly #queues = new Map<string, Queue>();

  /** @param replicas how many may work at the same time, each with its share of what may fail */
  constructor(clock: Clock, random: () => number, replicas: number, wake: (key: string) => void) {
    const share = Math.floor(FAILURES_BEFORE_LOCK / replicas);
    const ofOne = Math.max(1, Math.min(MAX_FAILURES, share));
    // One more than a credential has: a secret key that was corrected is tried at once.
    const ofKey = Math.max(ofOne + 1, share);
    this.#credentials = new Pool(() => new Breaker({ ...TIMES, failures: ofOne }, clock, random));
    this.#accessKeys = new Pool(() => new Breaker({ ...TIMES, failures: ofKey }, clock, random));
    this.#wake = wake;
  }

  /** Why no call may be made with the credential now, as a breaker says it. */
  refusal(authenticator: Authenticator): CloudError | 'busy' | undefined {
    for (const breaker of this.#breakersOf(authenticator)) {
      const refusal = breaker.refusal();
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** Begins a call; only when nothing speaks against it (`refusal`). */
  acquire(authenticator: Authenticator): BreakerSlot {
    return joined(this.#breakersOf(authenticator).map((breaker) => breaker.acquire()));
  }

  /** The key is woken when it may call. */
  wait(key: string, authenticator: Authenticator): void {
    const { fingerprint } = authenticator;
    const queue = this.#queues.get(fingerprint) ?? { authenticator, keys: new Set() };
    this.#queues.set(fingerprint, queue);
    queue.keys.add(key);
  }

  /** The key waits no longer. */
  cancel(key: string, { fingerprint }: Authenticator): void {
    const queue = this.#queues.get(fingerprint);
    queue?.keys.delete(key);
    if (queue?.keys.size === 0) this.#queues.delete(fingerprint);
  }

  /** Wakes the next key that waits for the credential, or for another of the same access key, when it can be used. */
  wakeNext(authenticator: Authenticator): void {
    for (const queue of this.#queues.values()) {
      const [next] = queue.keys;
      if (next === undefined || lockOf(queue.authenticator) !== lockOf(authenticator)) continue;
      if (this.refusal(queue.authenticator) === 'busy') continue;
      this.cancel(next, queue.authenticator);
      this.#wake(next);
      return;
    }
  }

  /** How many credentials are held back because the cloud rejects them. */
  get open(): number {
    return [...this.#credentials.values()].filter(({ open }) => open).length;
  }

  /** Nobody waits any more. */
  close(): void {
    this.#queues.clear();
  }

  #breakersOf({ fingerprint, signs, keyFingerprint }: Authenticator): Breaker[] {
    if (!signs) return [];
    const credential = this.#credentials.get(fingerprint);
    return keyFingerprint === undefined ? [credential] : [credential, this.#accessKeys.get(keyFingerprint)];
  }
}

/** What the cloud would lock. */
function lockOf({ fingerprint, keyFingerprint = fingerprint }: Authenticator): string {
  return keyFingerprint;
}
