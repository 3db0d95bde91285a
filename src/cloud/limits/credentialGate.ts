import type { Clock } from '../../clock.js';
import type { Target } from '../client.js';
import { Breaker, type Refusal } from './breaker.js';
import { Lock, type EndCall } from './lock.js';
import { Pool } from './pool.js';

/** For a token: a refusal locks nothing, but each further call would be refused. */
const TOKEN_BREAKER = {
  failures: 3,
  openMs: 10_000,
  longestOpenMs: 300_000,
  countsUnderWay: 'untilItWorks',
} as const;
const KEY_BREAKER = { openMs: 330_000, longestOpenMs: 3_600_000, countsUnderWay: 'always' } as const;
/** The cloud locks a key for 5 minutes, for everybody, after more than five failed signatures in a row. */
const FAILURES_BEFORE_LOCK = 5;
const LOCK_MS = 330_000;
/** For one credential; a single replica leaves some failures to other users of the key. */
const MAX_FAILURES = 3;

/**
 * Holds back calls with credentials that the cloud rejects: a breaker for each credential, and a lock for each access key
 * that counts its failures with all secret keys. Keys (CloudJobs) wait here while the calls under way could use up the limit.
 */
export class CredentialGate {
  readonly #breakers: Pool<Breaker>;
  readonly #locks: Pool<Lock>;
  readonly #makeBreaker: (signs: boolean) => Breaker;
  readonly #makeLock: () => Lock;
  readonly #wake: (key: string) => void;
  /** The keys that wait, by what the cloud would lock and by credential. None is empty. */
  readonly #queues = new Map<string, Map<string, { readonly target: Target; readonly keys: Set<string> }>>();

  /** @param replicas the number that may work at the same time, each with its share of the failures */
  constructor(clock: Clock, random: () => number, replicas: number, wake: (key: string) => void) {
    const share = Math.floor(FAILURES_BEFORE_LOCK / replicas);
    const failures = Math.max(1, Math.min(MAX_FAILURES, share));
    // One more than for a credential: a corrected secret key is tried at once.
    const ofOwner = failures + 1;
    const lock = {
      failures: Math.max(ofOwner, share),
      ofOwner,
      windowMs: LOCK_MS,
      successForgives: true,
    };
    const keyBreaker = { ...KEY_BREAKER, failures };
    this.#makeBreaker = (signs) =>
      new Breaker('these credentials', signs ? keyBreaker : TOKEN_BREAKER, clock, random);
    this.#makeLock = () => new Lock(lock, clock);
    this.#breakers = new Pool(clock);
    this.#locks = new Pool(clock);
    this.#wake = wake;
  }

  /** Why no call may be made with the credential now; undefined: it may. */
  refusal(target: Target): Refusal | undefined {
    const breaker = this.#breakerOf(target);
    const refusal = breaker.refusal();
    if (refusal !== undefined) return refusal;
    const wait = this.#lockOf(target)?.waitOf(callerOf(target, breaker)) ?? 0;
    if (wait === 0) return undefined;
    return wait === 'busy' ? { kind: 'busy' } : { kind: 'held', by: '', ms: wait };
  }

  /** Begins a call; only if `refusal` is undefined. `failed`: the cloud rejected the credential. */
  acquire(target: Target): EndCall {
    const breaker = this.#breakerOf(target);
    const endLocks = this.#lockOf(target)?.acquire(callerOf(target, breaker));
    const end = breaker.acquire();
    return (outcome, lockedMs) => {
      endLocks?.(outcome, lockedMs);
      // For a locked key the cloud does not check the secret key.
      end(endLocks !== undefined && lockedMs !== undefined ? 'unclear' : outcome);
    };
  }

  /** The key is woken when it may call. */
  wait(key: string, target: Target): void {
    const queues = this.#queues.get(lockIDOf(target)) ?? new Map();
    this.#queues.set(lockIDOf(target), queues);
    const queue = queues.get(idOf(target)) ?? { target, keys: new Set() };
    queues.set(idOf(target), queue);
    queue.keys.add(key);
  }

  /** The key no longer waits. */
  cancel(key: string, target: Target): void {
    const queues = this.#queues.get(lockIDOf(target));
    const queue = queues?.get(idOf(target));
    queue?.keys.delete(key);
    if (queue?.keys.size === 0) queues?.delete(idOf(target));
    if (queues?.size === 0) this.#queues.delete(lockIDOf(target));
  }

  /** Wakes the next key that waits for the credential, or for another one of the same access key, if it can be used. */
  wakeNext(target: Target): void {
    const queues = this.#queues.get(lockIDOf(target));
    for (const queue of queues?.values() ?? []) {
      const [next] = queue.keys;
      if (next === undefined || this.refusal(queue.target)?.kind === 'busy') continue;
      this.cancel(next, queue.target);
      this.#wake(next);
      return;
    }
  }

  /** The number of credentials that are held back because the cloud rejects them. */
  countOpen(targets: Iterable<Target>): number {
    const open = new Set<string>();
    for (const target of targets) {
      if (this.#breakerOf(target).open || this.#lockOf(target)?.isLocked === true) open.add(idOf(target));
    }
    return open.size;
  }

  /** Drops all waiting keys. */
  close(): void {
    this.#queues.clear();
  }

  #breakerOf(target: Target): Breaker {
    return this.#breakers.get(idOf(target), () => this.#makeBreaker(target.authenticator.signs));
  }

  #lockOf(target: Target): Lock | undefined {
    return target.authenticator.signs ? this.#locks.get(lockIDOf(target), this.#makeLock) : undefined;
  }
}

function callerOf({ authenticator: { owner = '' } }: Target, { hasWorked }: Breaker) {
  return { owner, hasWorked };
}

/** A signature is right or wrong everywhere; a token may be valid for one project and not for another. */
function idOf({ region, projectID, authenticator: { fingerprint, signs } }: Target): string {
  return signs ? fingerprint : JSON.stringify([region.name, projectID, fingerprint]);
}

/** What the cloud would lock. */
function lockIDOf(target: Target): string {
  return target.authenticator.keyFingerprint ?? idOf(target);
}
