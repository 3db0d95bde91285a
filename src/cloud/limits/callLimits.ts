import type { Clock } from '../../clock.js';
import type { Priority } from '../../priority.js';
import type { JobAnswer, Target } from '../client.js';
import type { CloudError } from '../errors.js';
import { Breaker, type BreakerOptions, type Outcome } from './breaker.js';
import { Budget, type BudgetOptions, type BudgetSlot } from './budget.js';
import { CredentialGate } from './credentialGate.js';
import type { EndCall } from './lock.js';
import { Pool } from './pool.js';
import { outcomesOf, reportTo, UNCLEAR } from './report.js';
import { Rooms } from './room.js';

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
  /** Calls that could be made at once, in the project with the fewest. */
  readonly tokens: number;
  /** Keys that wait for a slot. */
  readonly waiting: number;
  /** Whether calls to it are held back, and none is known to work. */
  readonly open: boolean;
}

/** Lets one call begin. */
export interface CallSlot {
  readonly kind: 'acquired';
  readonly budget: BudgetSlot;
  /** Ends it for the breaker of the credential in its project. */
  readonly endScope: (outcome: Outcome) => void;
  readonly endCredential: EndCall;
}

/** `waiting`: the key is woken when it can have a slot. An error: no call is made, because the cloud is known to fail. */
export type Acquired =
  CallSlot | { readonly kind: 'waiting' } | { readonly kind: 'error'; readonly error: CloudError };

const SCOPE_TIMES = { openMs: 10_000, longestOpenMs: 60_000, countsUnderWay: 'never' } as const;
/**
 * Failed calls of one credential in its project. A cloud that fails four of five calls fails 30 in a row once in 800 times,
 * so only a cloud that answers nothing is held back. 5 in a row would come every third time, and the ends of jobs would
 * not be observed. A credential that has never worked uses up less of the project's budget.
 */
const CREDENTIAL_SCOPE = { ...SCOPE_TIMES, failures: 30, failuresAtFirst: 5 };
/** Failed credentials of a project, and failed projects of a region. */
const WIDER_SCOPE = { ...SCOPE_TIMES, failures: 3 };

/** Keeps calls within the budget of their project, and holds them back while the cloud is known to fail or to refuse. */
export class CallLimits {
  readonly #options: CallLimitsOptions;
  readonly #budgets: Pool<Budget>;
  readonly #rooms = new Rooms();
  /** The breakers of regions, projects and credentials in their projects, by ID. */
  readonly #scopes: Pool<Breaker>;
  readonly #credentials: CredentialGate;
  #limits: BudgetOptions;

  constructor(options: CallLimitsOptions) {
    this.#options = options;
    const { clock, random, budget, wake, replicas = 1 } = options;
    this.#limits = budget;
    this.#budgets = new Pool(clock);
    this.#scopes = new Pool(clock);
    this.#credentials = new CredentialGate(clock, random, replicas, wake);
  }

  /** A slot for one call of the key, to be used at once (`call`); or the reason why there is none. */
  acquire(key: string, target: Target, priority: Priority): Acquired {
    const scope = this.#scopeOf(target);
    const held = scope.refusal();
    if (held?.kind === 'held') return { kind: 'error', error: unavailable(held.by, held.ms) };
    const refusal = this.#credentials.refusal(target);
    if (refusal?.kind === 'held') return { kind: 'error', error: rejected(refusal.ms) };
    if (refusal?.kind === 'busy') {
      this.#credentials.wait(key, target);
      return { kind: 'waiting' };
    }
    this.#credentials.cancel(key, target);
    const budget = this.#budgetOf(target).acquire(key, target.authenticator.fingerprint, priority);
    const acquired: Acquired =
      budget === 'waiting'
        ? { kind: 'waiting' }
        : {
            kind: 'acquired',
            budget,
            endScope: scope.acquire(),
            endCredential: this.#credentials.acquire(target),
          };
    // Other keys that wait for the credential may now call, or queue for the budget.
    this.#credentials.wakeNext(target);
    return acquired;
  }

  /**
   * Makes a call within what the budget allows, and reports its answer to budget and breakers.
   *
   * @param read calls `mayCall` before each HTTP call
   * @returns the answer, and whether any HTTP call was made
   */
  async call(
    target: Target,
    { budget, endScope, endCredential }: CallSlot,
    signal: AbortSignal,
    read: (mayCall: () => boolean) => Promise<JobAnswer>,
  ): Promise<{ readonly answer: JobAnswer; readonly called: boolean }> {
    let outcomes = UNCLEAR;
    try {
      const answer = await read(() => budget.mayCall());
      const error = answer.kind === 'error' ? answer.error : undefined;
      if (budget.called && !signal.aborted) {
        outcomes = outcomesOf(error);
        reportTo(budget, error);
      }
      return { answer, called: budget.called };
    } finally {
      endScope(outcomes.scope);
      endCredential(outcomes.credential, outcomes.lockedMs);
      budget.release();
      this.#credentials.wakeNext(target);
    }
  }

  /** A place for a worker that waits for another one's call; `leave` ends it. Undefined when the region has no more. */
  join({ region }: Target): { leave(): void } | undefined {
    const room = this.#rooms.of(region.name);
    return room.take() ? room : undefined;
  }

  /** The key no longer wants to call. */
  cancel(key: string, target: Target): void {
    this.#budgetOf(target).cancel(key, target.authenticator.fingerprint);
    this.#credentials.cancel(key, target);
    this.#credentials.wakeNext(target);
  }

  /** From now on this process may use this part (above 0, up to 1) of every budget; other replicas have the rest. */
  setShare(part: number): void {
    const { requestsPerSecond, burst } = this.#options.budget;
    this.#limits = {
      requestsPerSecond: requestsPerSecond * part,
      burst: Math.max(1, Math.floor(burst * part)),
    };
    for (const [, budget] of this.#budgets.entries()) budget.limit(this.#limits);
  }

  /** The recently called regions, by name. */
  regions(): ReadonlyMap<string, RegionState> {
    const health = this.#healthOfRegions();
    const states = new Map<string, RegionState>();
    for (const [id, { tokens, waiting }] of this.#budgets.entries()) {
      const [name = ''] = idParts(id);
      const known = states.get(name);
      const { open = false, works = false } = health.get(name) ?? {};
      states.set(name, {
        tokens: Math.min(tokens, known?.tokens ?? Infinity),
        waiting: waiting + (known?.waiting ?? 0),
        open: open && !works,
      });
    }
    return states;
  }

  /** By region: whether any credential in a project of it is held back, and whether any works. */
  #healthOfRegions(): ReadonlyMap<string, Pick<Breaker, 'open' | 'works'>> {
    this.#scopes.sweep();
    const health = new Map<string, Pick<Breaker, 'open' | 'works'>>();
    for (const [id, { open, works }] of this.#scopes.entries()) {
      const [name = '', , fingerprint] = idParts(id);
      if (fingerprint === undefined) continue;
      const known = health.get(name);
      health.set(name, { open: open || known?.open === true, works: works || known?.works === true });
    }
    return health;
  }

  /** The number of the targets' credentials that are held back because the cloud rejects them. */
  countOpenCredentials(targets: Iterable<Target>): number {
    return this.#credentials.countOpen(targets);
  }

  /** Stops waking keys. */
  close(): void {
    for (const [, budget] of this.#budgets.entries()) budget.close();
    this.#credentials.close();
  }

  #budgetOf({ region, projectID }: Target): Budget {
    const { clock, random, wake } = this.#options;
    const make = (): Budget =>
      new Budget(this.#limits, { clock, random, wake, room: this.#rooms.of(region.name) });
    return this.#budgets.get(JSON.stringify([region.name, projectID]), make);
  }

  /** The breaker of the credential in its project; a wider scope is kept while it has parts. */
  #scopeOf({ region: { name: region }, projectID, authenticator: { fingerprint } }: Target): Breaker {
    const { clock, random } = this.#options;
    const scope = (id: readonly string[], name: string, options: BreakerOptions, wider?: Breaker): Breaker =>
      this.#scopes.get(JSON.stringify(id), () => new Breaker(name, options, clock, random, wider));
    const name = `project ${projectID} in region ${region}`;
    const ofRegion = scope([region], `region ${region}`, WIDER_SCOPE);
    const ofProject = scope([region, projectID], name, WIDER_SCOPE, ofRegion);
    const id = [region, projectID, fingerprint];
    return scope(id, `${name} with these credentials`, CREDENTIAL_SCOPE, ofProject);
  }
}

/** Region, project and fingerprint, if the ID has them. */
function idParts(id: string): readonly string[] {
  return JSON.parse(id) as string[];
}

/** A cloud's message is only for the CloudJobs of that call, so this text is the operator's own. */
function unavailable(scope: string, retryAfterMs: number): CloudError {
  const seconds = SCOPE_TIMES.longestOpenMs / 1000;
  const message = `calls to ${scope} are held back because several in a row failed, each time for at most ${seconds} s, until one succeeds`;
  return { class: 'transient', message, local: true, retryAfterMs };
}

function rejected(retryAfterMs: number): CloudError {
  const message =
    'calls with these credentials are held back because the cloud rejected them several times or has locked the access key; other credentials in the Secret are tried within seconds';
  return { class: 'unauthorized', message, local: true, retryAfterMs };
}
