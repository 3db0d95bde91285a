import type { Clock } from '../../clock.js';
import type { Outcome } from './breaker.js';

export interface LockOptions {
  /** The calls of all owners that may fail within `windowMs`; after more the cloud locks. */
  readonly failures: number;
  /** The same for one owner, so that no owner uses up what others need. */
  readonly ofOwner: number;
  readonly windowMs: number;
  /** Whether the cloud's count restarts after a success. */
  readonly successForgives: boolean;
}

/** Ends a call: call it once. `lockedMs`: the cloud reports the lock, and its duration in milliseconds. */
export type EndCall = (outcome: Outcome, lockedMs?: number) => void;

/** The caller: a namespace, and whether its credentials have ever worked. */
export interface Caller {
  readonly owner: string;
  readonly hasWorked: boolean;
}

/** The wait after a lock is a little longer than the cloud reports. */
const MARGIN_MS = 30_000;
/** After a lock, credentials that have worked may try this much earlier than all others. */
const AHEAD_MS = 60_000;
/** More than are ever counted. */
const MAX_FAILURES = 16;

/**
 * Something that the cloud locks for everybody after failures in a row: an access key, a user. All credentials that name it
 * share the failures that are left, with right or wrong secrets; credentials that have worked do not depend on the others.
 */
export class Lock {
  #failures: { readonly owner: string; readonly at: number }[] = [];
  /** By owner: calls under way of credentials that have never worked. */
  readonly #unproven = new Map<string, number>();
  #underWay = 0;
  #hasWorked = false;
  #lockedUntil = -Infinity;
  /** The cloud locked it, and nothing has worked since. */
  #isLocked = false;

  constructor(
    private readonly options: LockOptions,
    private readonly clock: Clock,
  ) {}

  /** Milliseconds until a call may be made, 0: now; `busy` while the calls under way could use up the remaining failures. */
  waitOf({ owner, hasWorked }: Caller): number | 'busy' {
    const now = this.clock.monotonic();
    const ahead = this.#isLocked && this.#hasWorked && !hasWorked ? AHEAD_MS : 0;
    const locked = this.#lockedUntil + ahead - now;
    if (locked > 0) return Math.ceil(locked);
    // After a lock, the first call is made with no others under way.
    if (this.#isLocked && this.#underWay > 0) return 'busy';
    if (hasWorked) return 0;

    const { failures, ofOwner, windowMs } = this.options;
    this.#failures = this.#failures.filter(({ at }) => now - at < windowMs);
    const own = this.#failures.filter((failure) => failure.owner === owner);
    const last = [this.#failures.at(-failures), own.at(-ofOwner)].map((failure) => failure?.at ?? -Infinity);
    const wait = Math.max(...last) + windowMs - now;
    if (wait > 0) return Math.ceil(wait);
    const ownUnderWay = this.#unproven.get(owner) ?? 0;
    const allUnderWay = [...this.#unproven.values()].reduce((sum, count) => sum + count, 0);
    const isUsedUp = this.#failures.length + allUnderWay >= failures || own.length + ownUnderWay >= ofOwner;
    return isUsedUp ? 'busy' : 0;
  }

  /** Begins a call; only if `waitOf` is 0. */
  acquire({ owner, hasWorked }: Caller): EndCall {
    const startedAt = this.clock.monotonic();
    this.#begin(owner, hasWorked, 1);
    return (outcome, lockedMs) => {
      const at = this.clock.monotonic();
      this.#begin(owner, hasWorked, -1);
      if (lockedMs !== undefined) {
        this.#isLocked = true;
        this.#lockedUntil = at + lockedMs + MARGIN_MS;
      } else if (outcome === 'failed') {
        this.#failures = [...this.#failures, { owner, at }].slice(-MAX_FAILURES);
      } else if (outcome === 'succeeded') {
        // Failures that ended after it began may be later than it.
        this.#succeed(startedAt);
      }
    };
  }

  /** Whether the cloud locked it, and nothing has worked since. */
  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Calls under way. */
  get underWay(): number {
    return this.#underWay;
  }

  get idle(): boolean {
    const now = this.clock.monotonic();
    const isOver = this.#failures.every(({ at }) => now - at >= this.options.windowMs);
    return this.#underWay === 0 && isOver && this.#lockedUntil <= now;
  }

  #begin(owner: string, hasWorked: boolean, count: 1 | -1): void {
    this.#underWay += count;
    if (hasWorked) return;
    const underWay = (this.#unproven.get(owner) ?? 0) + count;
    if (underWay > 0) this.#unproven.set(owner, underWay);
    else this.#unproven.delete(owner);
  }

  #succeed(startedAt: number): void {
    this.#hasWorked = true;
    this.#isLocked = false;
    if (!this.options.successForgives) return;
    this.#failures = this.#failures.filter(({ at }) => at > startedAt);
  }
}
