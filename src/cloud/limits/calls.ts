import type { Clock } from '../../clock.js';
import { Breaker } from './breaker.js';
import { Budget } from './budget.js';
import type { Target } from '../client.js';
import { CredentialGate } from './credentialGate.js';
import type { CloudError } from '../errors.js';
import { Pool } from './pool.js';
import { report, type Passes } from './report.js';
import type { BucketOptions } from './tokenBucket.js';
import type { Priority } from '../../priority.js';

export interface CallsOptions {
  readonly clock: Clock;
  /** 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** Per region and project; all replicas together. */
  readonly budget: BucketOptions;
  /** How many replicas may work at the same time; left out: one. */
  readonly replicas?: number;
  /** Tells that it is the key's turn. Must not throw. */
  readonly wake: (key: string) => void;
}

/** One region, over all its projects. */
export interface RegionState {
  /** Calls that could be made at once; of the project that has fewest. */
  readonly tokens: number;
  /** Keys that wait for their turn. */
  readonly waiting: number;
  /** Whether its breaker lets nothing but probes through. */
  readonly open: boolean;
}

/** What lets a call begin. */
export interface Admission {
  readonly kind: 'admitted';
  readonly budget: Budget;
  readonly passes: Passes;
}

/** `waiting`: the key is woken when it is its turn. An error: no call is made, the cloud is known to fail. */
export type Admittance =
  Admission | { readonly kind: 'waiting' } | { readonly kind: 'error'; readonly error: CloudError };

const REGION_BREAKER = { failures: 5, openMs: 10_000, longestOpenMs: 60_000, countsUnderWay: false };

/** Lets calls to the cloud begin, within the budget of their project and where neither region nor credential fails. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #budgets: Pool<Budget>;
  readonly #regions: Pool<Breaker>;
  readonly #credentials: CredentialGate;
  #limits: BucketOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
    const { clock, random, budget, wake, replicas = 1 } = options;
    this.#limits = budget;
    this.#budgets = new Pool(() => new Budget(this.#limits, clock, random, wake));
    this.#regions = new Pool(() => new Breaker(REGION_BREAKER, clock, random));
    this.#credentials = new CredentialGate(clock, random, replicas, wake);
  }

  /** Lets the key make a call now, which `make` then has to be told to do; or tells why not. */
  admit(key: string, target: Target, priority: Priority): Admittance {
    const { authenticator } = target;
    const region = this.#regions.get(target.region.name);
    const refusal = region.refusal() ?? this.#credentials.refusal(authenticator);
    if (refusal === 'busy') {
      this.#credentials.wait(key, authenticator);
      return { kind: 'waiting' };
    }
    if (refusal !== undefined) return { kind: 'error', error: refusal };
    this.#credentials.leave(key, authenticator);
    const budget = this.#budgetOf(target);
    if (budget.enter(key, priority) === 'waiting') {
      // Others that wait for the credential may queue up here as well.
      this.#credentials.wakeNext(authenticator);
      return { kind: 'waiting' };
    }
    const passes = { region: region.enter(), credential: this.#credentials.enter(authenticator) };
    return { kind: 'admitted', budget, passes };
  }

  /** Makes a call within what the budget allows, and tells budget and breakers what came of it. */
  async make<T extends { readonly kind: string } | { readonly kind: 'error'; readonly error: CloudError }>(
    target: Target,
    { budget, passes }: Admission,
    signal: AbortSignal,
    ask: (mayCall: () => boolean) => Promise<T>,
  ): Promise<{ readonly answer: T; readonly made: boolean }> {
    let calls = 0;
    const mayCall = (): boolean => {
      const may = calls === 0 ? !budget.paused : budget.takeAnother();
      if (!may) return false;
      if (calls === 0) budget.begin();
      calls += 1;
      return true;
    };
    try {
      const answer = await ask(mayCall);
      if (calls > 0 && !signal.aborted) report('error' in answer ? answer.error : undefined, budget, passes);
      return { answer, made: calls > 0 };
    } finally {
      if (calls === 0) budget.putBack();
      passes.region.released();
      passes.credential.released();
      this.#credentials.wakeNext(target.authenticator);
    }
  }

  /** The key does not want to call any more. */
  leave(key: string, target: Target): void {
    this.#budgetOf(target).leave(key);
    this.#credentials.leave(key, target.authenticator);
    this.#credentials.wakeNext(target.authenticator);
  }

  /** May use this part (above 0, up to 1) of every budget from now on: other replicas have the rest. */
  share(part: number): void {
    const { requestsPerSecond, burst } = this.#options.budget;
    this.#limits = {
      requestsPerSecond: requestsPerSecond * part,
      burst: Math.max(1, Math.floor(burst * part)),
    };
    for (const budget of this.#budgets.values()) budget.limit(this.#limits);
  }

  /** Whether the region's breaker lets nothing but probes through. */
  isOpen({ region }: Target): boolean {
    return this.#regions.get(region.name).open;
  }

  /** The regions that were asked of late, by name. */
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
