import type { Clock } from '../../clock.js';
import type { CloudError } from '../errors.js';
import { Breaker } from '../limits/breaker.js';
import { Lock } from '../limits/lock.js';
import { Pool } from '../limits/pool.js';

/** One login: the user and the IAM. */
export interface Login {
  /** Base URL of IAM. */
  readonly iam: string;
  /** Equal for the same user, with a right or a wrong password. */
  readonly user: string;
  /** Equal for the same user and password. */
  readonly password: string;
  /** The namespace whose Secret holds them. */
  readonly owner: string;
}

/** A login that may be made; call `ended` exactly once. */
export interface LoginSlot {
  readonly kind: 'acquired';
  ended(error: CloudError | undefined): void;
}

/** IAM locks a user for 15 minutes after five wrong passwords within 15 minutes. */
const LOCK_MS = 900_000;
/** One of the five is left to the user. */
const FAILURES = 4;
const PASSWORD = {
  failures: 1,
  openMs: LOCK_MS,
  longestOpenMs: 4 * LOCK_MS,
  countsUnderWay: 'untilItWorks',
} as const;
/** Logins of one user at a time: a password that no longer works is noticed before it locks the user. */
const LOGINS_AT_A_TIME = 3;
const BUSY_MS = 1_000;

/**
 * Holds back logins that might lock a user: failures are counted for each user of an IAM, over all projects. A wrong password
 * waits longer each time; another password is tried at once, unless that could lock the user.
 */
export class Logins {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #passwords: Pool<Breaker>;
  readonly #users: Pool<Lock>;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#passwords = new Pool(clock);
    this.#users = new Pool(clock);
  }

  acquire({
    iam,
    user,
    password,
    owner,
  }: Login): LoginSlot | { readonly kind: 'error'; readonly error: CloudError } {
    const breaker = this.#passwords.get(
      JSON.stringify([iam, password]),
      () => new Breaker('password', PASSWORD, this.#clock, this.#random),
    );
    const lock = this.#users.get(JSON.stringify([iam, user]), () => this.#newLock());
    const caller = { owner, hasWorked: breaker.hasWorked };
    const refusal = breaker.refusal();
    if (refusal?.kind === 'held') return wrongPassword(refusal.ms);
    const wait = lock.waitOf(caller);
    if (wait !== 'busy' && wait > 0) return usedUp(wait);
    if (refusal?.kind === 'busy' || wait === 'busy' || lock.underWay >= LOGINS_AT_A_TIME) return busy();

    const ends = [breaker.acquire(), lock.acquire(caller)];
    return {
      kind: 'acquired',
      ended(error) {
        const isWrong = error?.class === 'unauthorized' && error.local !== true;
        for (const end of ends) end(error === undefined ? 'succeeded' : isWrong ? 'failed' : 'unclear');
      },
    };
  }

  #newLock(): Lock {
    const limits = { failures: FAILURES, ofOwner: FAILURES - 1, windowMs: LOCK_MS, successForgives: false };
    return new Lock(limits, this.#clock);
  }
}

function wrongPassword(retryAfterMs: number) {
  return held(
    'unauthorized',
    'it rejected this user and password before; they are tried rarely, because wrong ones lock the user, and another password in the Secret at once',
    retryAfterMs,
  );
}

function usedUp(retryAfterMs: number) {
  return held(
    'unauthorized',
    'logins of this user are held back, because more failed logins would lock the user',
    retryAfterMs,
  );
}

function busy() {
  return held('transient', 'another login of this user is under way', BUSY_MS);
}

function held(errorClass: CloudError['class'], message: string, retryAfterMs: number) {
  const error: CloudError = { class: errorClass, message: `IAM: ${message}`, local: true, retryAfterMs };
  return { kind: 'error', error } as const;
}
