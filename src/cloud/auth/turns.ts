import type { Clock } from '../../clock.js';
import type { CloudRate } from '../limits/cloudRate.js';

/** A caller that needs a token. */
export interface Turn {
  /** The key of the token. */
  readonly key: string;
  readonly user: string;
  /** The namespace that uses the user's name. */
  readonly owner: string;
}

interface Waiting {
  readonly key: string;
  /** The IDs of the namespace, and of the user in it. */
  readonly ids: readonly [string, string];
  /** On the monotonic clock. */
  readonly triedAt: number;
}

/** A caller that did not try again within this time (milliseconds) has given up: CloudJobs are polled again within a minute. */
const GIVEN_UP_MS = 90_000;
/** The number of past turns that are remembered. */
const MAX_SERVED = 10_000;

/**
 * Decides whose turn it is at a shared rate: first the namespace, then the user in it, that was served longest ago. A caller
 * that was served goes to the back, even if its call failed. Nothing blocks: a caller without a turn tries again.
 */
export class Turns {
  /** By key. */
  readonly #waiting = new Map<string, Waiting>();
  /** By namespace and user: the number of the turn; the last one comes last. */
  readonly #served = new Map<string, number>();
  #turn = 0;

  constructor(
    readonly rate: CloudRate,
    private readonly clock: Clock,
  ) {}

  /** Whether it may call now; if so, the call counts. */
  take({ key, owner, user }: Turn): boolean {
    const ids = [JSON.stringify([owner]), JSON.stringify([owner, user])] as const;
    const caller = { key, ids, triedAt: this.clock.monotonic() };
    if (this.rate.waitMs > 0 || this.rate.free < this.#aheadOf(caller) + 1) {
      this.#waiting.set(key, caller);
      return false;
    }
    this.rate.take();
    this.#waiting.delete(key);
    this.#turn += 1;
    for (const id of ids) {
      this.#served.delete(id);
      this.#served.set(id, this.#turn);
    }
    this.#forgetOldest();
    return true;
  }

  /** The number of waiting callers with an earlier turn. */
  #aheadOf({ key, ids, triedAt }: Waiting): number {
    const [owner, user] = this.#servedAt(ids);
    let ahead = 0;
    for (const other of this.#waiting.values()) {
      if (triedAt - other.triedAt > GIVEN_UP_MS) this.#waiting.delete(other.key);
      else if (other.key !== key) {
        const [otherOwner, otherUser] = this.#servedAt(other.ids);
        const isBefore = otherOwner === owner ? otherUser < user : otherOwner < owner;
        if (isBefore) ahead += 1;
      }
    }
    return ahead;
  }

  #servedAt([owner, user]: Waiting['ids']): [number, number] {
    return [this.#served.get(owner) ?? 0, this.#served.get(user) ?? 0];
  }

  #forgetOldest(): void {
    for (const id of this.#served.keys()) {
      if (this.#served.size <= MAX_SERVED) return;
      this.#served.delete(id);
    }
  }
}
