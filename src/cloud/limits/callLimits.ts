import type { Clock } from '../../clock.js';
import type { Priority } from '../../priority.js';
import type { JobAnswer, Target } from '../client.js';
import type { CloudError } from '../errors.js';
import { Breaker } from './breaker.js';
import { Budget, type BudgetOptions } from './budget.js';
import { CredentialGate } from './credentialGate.js';
import { Pool } from './pool.js';
import { report, type BreakerSlots } from './report.js';

export interface CallLimitsOptions {
  readonly clock: Clock;
  /** 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** Per region and project; all replicas together. */
  readonly budget: BudgetOptions;
  /** How many replicas may work at the same time; left out: one. */
  readonly replicas?: number;
  /** The key may call now: acquire again. Must not throw. */
  readonly wake: (key: string) => void;
}

/** One region, over all its projects. */
export interface RegionState {
  /** Calls that could be made at once; of the project that has fewest. */
  readonly tokens: number;
  /** Keys that wait for a slot. */
  readonly waiting: number;
  /** Whether its breaker lets nothing but probes through. */
  readonly open: boolean;
}

/** Lets one call begin. */
export interface CallSlot {
  readonly kind: 'acquired';
  readonly budget: Budget;
  readonly breakers: BreakerSlots;
}

/** `waiting`: the key is woken when it can have a slot. An error: no call is made, the cloud is known to fail. */
export type Acquired =
  CallSlot | { readonly kind: 'waiting' } | { readonly kind: 'error'; readonly error: CloudError };

const REGION_BREAKER = { failures: 5, openMs: 10_000, longestOpenMs: 60_000, countsUnderWay: false };

/** Holds calls to the cloud within the budget of their project, and back where region or credential are known to fail. */
export class CallLimits {
  readonly #options: CallLimitsOptions;
  readonly #budgets: Pool<Budget>;
  readonly #regions: Pool<Breaker>;
  readonly #credentials: CredentialGate;
  #limits: BudgetOptions;

  constructor(options: CallLimitsOptions) {
    this.#options = options;
    const { clock, random, budget, wake, replicas = 1 } = options;
    this.#limits = budget;
    this.#budgets = new Pool(() => new Budget(this.#limits, clock, random, wake));
    this.#regions = new Pool(() => new Breaker(REGION_BREAKER, clock, random));
    this.#credentials = new CredentialGate(clock, random, replicas, wake);
  }

  /** A slot for one call of the key, to be used at once (`call`); or why there is none. */
  acquire(key: string, target: Target, priority: Priority): Acquired {
    const { authenticator } = target;
    const region = this.#regions.get(target.region.name);
    const refusal = region.refusal() ?? this.#credentials.refusal(authenticator);
    if (refusal === 'busy') {
      this.#credentials.wait(key, authenticator);
      return { kind: 'waiting' };
    }
    if (refusal !== undefined) return { kind: 'error', error: refusal };
    this.#credentials.cancel(key, authenticator);
    const budget = this.#budgetOf(target);
    if (budget.acquire(key, priority) === 'waiting') {
      // Others that wait for the credential may queue up here as well.
      this.#credentials.wakeNext(authenticator);
      return { kind: 'waiting' };
    }
    const breakers = { region: region.acquire(), credential: this.#credentials.acquire(authenticator) };
    return { kind: 'acquired', budget, breakers };
  }

  /**
   * Makes a call within what the budget allows, and reports its answer to budget and breakers.
   *
   * @param read calls `mayCall` before each HTTP call
   * @returns the answer, and whether any HTTP call was made
   */
  async call(
    target: Target,
    { budget, breakers }: CallSlot,
    signal: AbortSignal,
    read: (mayCall: () => boolean) => Promise<JobAnswer>,
  ): Promise<{ readonly answer: JobAnswer; readonly called: boolean }> {
    let calls = 0;
    const mayCall = (): boolean => {
      const may = calls === 0 ? !budget.paused : budget.takeAnother();
      if (!may) return false;
      if (calls === 0) budget.begin();
      calls += 1;
      return true;
    };
    try {
      const answer = await read(mayCall);
      const error = answer.kind === 'error' ? answer.error : undefined;
      if (calls > 0 && !signal.aborted) report(error, budget, breakers);
      return { answer, called: calls > 0 };
    } finally {
      if (calls === 0) budget.release();
      breakers.region.released();
      breakers.credential.released();
      this.#credentials.wakeNext(target.authenticator);
    }
  }

  /** The key does not want to call any more. */
  cancel(key: string, target: Target): void {
    this.#budgetOf(target).cancel(key);
    this.#credentials.cancel(key, target.authenticator);
    this.#credentials.wakeNext(target.authenticator);
  }

  /** This process may use this part (above 0, up to 1) of every budget from now on: other replicas have the rest. */
  setShare(part: number): void {
    const { requestsPerSecond, burst } = this.#options.budget;
    this.#limits = {
      requestsPerSecond: requestsPerSecond * part,
      burst: Math.max(1, Math.floor(burst * part)),
    };
    for (const budget of this.#budgets.values()) budget.limit(this.#limits);
  }

  /** The regions that were called of late, by name. */
  regions(): ReadonlyMap<string, RegionState> {
    const states = new Map<string, RegionState>();
    for (const [id, { tokens, waiting }] of this.#budgets.entries()) {
      const [name] = JSON.parse(id) as [string, string];
      const known = states.get(name);
      states.set(name, {
        tokens: Math.min(tokens, known?.tokens ?? Infinity),
        waiting: waiting + (known?.waiting ?? 0),
        open: this.#regions.get(name).open,
      });
    }
    return states;
  }

  /** How many credentials are held back because the cloud rejects them. */
  get openCredentials(): number {
    return this.#credentials.open;
  }

  /** Wakes nobody any more. */
  close(): void {
    for (const budget of this.#budgets.values()) budget.close();
    this.#credentials.close();
  }

  #budgetOf({ region, projectID }: Target): Budget {
    return this.#budgets.get(JSON.stringify([region.name, projectID]));
  }
}
