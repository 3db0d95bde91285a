import type { Clock } from '../clock.js';
import { untilAborted } from './abort.js';
import { Breaker } from './breaker.js';
import { Budget, type Priority } from './budget.js';
import type { JobClient, Target } from './client.js';
import { CredentialGate } from './credentialGate.js';
import type { CloudError } from './errors.js';
import type { Observation } from './job.js';
import { Pool } from './pool.js';
import { report, type Passes } from './report.js';
import type { BucketOptions } from './tokenBucket.js';

/** `waiting`: nothing is known now; `wake(key)` tells when to read again. */
export type Reading = Observation | { readonly kind: 'waiting' };

export interface ReaderOptions {
  readonly client: Pick<JobClient, 'read'>;
  readonly clock: Clock;
  /** 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** Per region and project; all replicas together. */
  readonly budget: BucketOptions;
  /** How many replicas may work at the same time; left out: one. */
  readonly replicas?: number;
  /** An observation that one CloudJob caused is given to others of the same job until it is so old, in milliseconds. */
  readonly freshMs: number;
  /** Tells that it is worth to read for the key again, now. Must not throw. */
  readonly wake: (key: string) => void;
  /** Told of each look that made a call. Must not throw. */
  readonly onLook?: (observation: Observation) => void;
  /** Told of each look that ended with an error, one without a call included. Must not throw. */
  readonly onError?: (error: CloudError, target: Target) => void;
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

/** One job as one credential sees it, and the CloudJobs (keys) that follow it. */
interface SharedJob {
  readonly followers: Set<string>;
  /** What was told last, for the followers that have not been given it yet; nothing when all have. */
  news: News | undefined;
  /** Of the last good answer. */
  digest: string | undefined;
  flight: Flight | undefined;
}

interface News {
  readonly observation: Observation;
  readonly at: number;
  readonly untold: Set<string>;
}

interface Flight {
  readonly promise: Promise<Observation>;
  readonly controller: AbortController;
  readonly keys: Set<string>;
}

const WAITING: Reading = { kind: 'waiting' };
const REGION_BREAKER = { failures: 5, openMs: 10_000, longestOpenMs: 60_000, countsUnderWay: false };

/**
 * Looks at jobs without being a burden: one call for all CloudJobs of the same job, within the budget of the region
 * and project, and none where the region or the credential is known to fail.
 */
export class CloudReader {
  readonly #options: ReaderOptions;
  readonly #budgets: Pool<Budget>;
  readonly #regions: Pool<Breaker>;
  readonly #credentials: CredentialGate;
  readonly #jobs = new Map<string, SharedJob>();
  readonly #followed = new Map<string, { readonly id: string; target: Target }>();
  /** Keys that wait for their turn on somebody's behalf. */
  readonly #urgent = new Set<string>();
  #limits: BucketOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const { clock, random, budget, wake, replicas = 1 } = options;
    this.#limits = budget;
    this.#budgets = new Pool(() => new Budget(this.#limits, clock, random, wake));
    this.#regions = new Pool(() => new Breaker(REGION_BREAKER, clock, random));
    this.#credentials = new CredentialGate(clock, random, replicas, wake);
  }

  /**
   * One look at the target for `key`, which follows it from now on, until `forget(key)` or another target. Ends with
   * `waiting` when the signal aborts; a call that others wait for goes on.
   */
  async read(key: string, target: Target, priority: Priority, signal: AbortSignal): Promise<Reading> {
    if (signal.aborted) return WAITING;
    const job = this.#follow(key, target);
    // What was learnt before somebody asked is no answer; what was learnt while he waited is.
    if (priority === 'urgent' && !this.#urgent.has(key)) this.#tell(job, key);
    const known = this.#untold(job, key);
    const started = known ?? job.flight ?? this.#start(job, key, target, priority);
    if (started === 'waiting') {
      if (priority === 'urgent') this.#urgent.add(key);
      return WAITING;
    }
    this.#urgent.delete(key);
    if ('kind' in started) {
      this.#leaveQueues(key, target);
      return started;
    }
    if (started.keys.size > 0) this.#leaveQueues(key, target);
    started.keys.add(key);
    this.#tell(job, key);
    const observation = await untilAborted(started.promise, signal);
    if (observation !== 'aborted') return observation;
    started.keys.delete(key);
    if (started.keys.size === 0) {
      started.controller.abort();
      // Whoever comes next must not join it.
      if (job.flight === started) job.flight = undefined;
    }
    return WAITING;
  }

  /** Whether another key's look has told something that this key can have now, without a call, by reading. */
  hasNews(key: string): boolean {
    const followed = this.#followed.get(key);
    const job = followed === undefined ? undefined : this.#jobs.get(followed.id);
    return job?.news?.untold.has(key) === true && this.#isFresh(job.news);
  }

  /** The key is gone, or has no more questions. */
  forget(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    this.#followed.delete(key);
    this.#urgent.delete(key);
    this.#leaveQueues(key, followed.target);
    const job = this.#jobs.get(followed.id);
    job?.followers.delete(key);
    if (job !== undefined) this.#tell(job, key);
    this.#dropUnused(followed.id);
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

  /** Aborts all calls and wakes nobody any more. */
  close(): void {
    for (const budget of this.#budgets.values()) budget.close();
    for (const { flight } of this.#jobs.values()) flight?.controller.abort();
    this.#jobs.clear();
    this.#followed.clear();
    this.#credentials.close();
    this.#urgent.clear();
  }

  #follow(key: string, target: Target): SharedJob {
    const id = idOf(target);
    const followed = this.#followed.get(key);
    const known = followed?.id === id ? this.#jobs.get(id) : undefined;
    if (followed !== undefined && known !== undefined) {
      followed.target = target;
      return known;
    }
    this.forget(key);
    const job = this.#jobs.get(id) ?? {
      followers: new Set(),
      news: undefined,
      digest: undefined,
      flight: undefined,
    };
    this.#jobs.set(id, job);
    job.followers.add(key);
    this.#followed.set(key, { id, target });
    return job;
  }

  /** What another key's look told, if it is fresh and this key does not know it. */
  #untold(job: SharedJob, key: string): Observation | undefined {
    const { news } = job;
    return this.#tell(job, key) && news !== undefined && this.#isFresh(news) ? news.observation : undefined;
  }

  /** The key knows the news, if there are any; whether they were news to it. */
  #tell(job: SharedJob, key: string): boolean {
    const told = job.news?.untold.delete(key) ?? false;
    if (job.news?.untold.size === 0) job.news = undefined;
    return told;
  }

  #isFresh({ at }: News): boolean {
    return this.#options.clock.monotonic() - at < this.#options.freshMs;
  }

  #start(job: SharedJob, key: string, target: Target, priority: Priority): Flight | Observation | 'waiting' {
    const { authenticator } = target;
    const region = this.#regions.get(target.region.name);
    const refusal = region.refusal() ?? this.#credentials.refusal(authenticator);
    if (refusal === 'busy') {
      this.#credentials.wait(key, authenticator);
      return 'waiting';
    }
    if (refusal !== undefined) return untimed({ kind: 'error', error: refusal });
    this.#credentials.leave(key, authenticator);
    const budget = this.#budgetOf(target);
    if (budget.enter(key, priority) === 'waiting') {
      // Others that wait for the credential may queue up here as well.
      this.#credentials.wakeNext(authenticator);
      return 'waiting';
    }
    const controller = new AbortController();
    const keys = new Set<string>();
    const passes = { region: region.enter(), credential: this.#credentials.enter(authenticator) };
    const promise = this.#call(job, keys, target, budget, passes, controller.signal);
    job.flight = { promise, controller, keys };
    return job.flight;
  }

  async #call(
    job: SharedJob,
    keys: ReadonlySet<string>,
    target: Target,
    budget: Budget,
    passes: Passes,
    signal: AbortSignal,
  ): Promise<Observation> {
    let calls = 0;
    const mayCall = (): boolean => {
      const may = calls === 0 ? !budget.paused : budget.takeAnother();
      if (!may) return false;
      if (calls === 0) budget.begin();
      calls += 1;
      return true;
    };
    try {
      const answer = await this.#options.client.read(target, signal, mayCall, job.digest);
      if (answer.kind === 'job') job.digest = answer.digest;
      const observation = untimed(answer);
      if (!signal.aborted) {
        if (calls > 0) {
          report(answer, budget, passes);
          this.#options.onLook?.(answer);
        }
        if (answer.kind === 'error') this.#options.onError?.(answer.error, target);
        this.#share(job, observation, keys);
      }
      return observation;
    } finally {
      if (calls === 0) budget.putBack();
      passes.region.released();
      passes.credential.released();
      if (job.flight?.keys === keys) job.flight = undefined;
      this.#credentials.wakeNext(target.authenticator);
      this.#dropUnused(idOf(target));
    }
  }

  #share(job: SharedJob, observation: Observation, told: ReadonlySet<string>): void {
    const untold = new Set([...job.followers].filter((key) => !told.has(key)));
    const at = this.#options.clock.monotonic();
    job.news = untold.size === 0 ? undefined : { observation, at, untold };
    for (const key of untold) this.#options.wake(key);
  }

  #leaveQueues(key: string, target: Target): void {
    this.#budgetOf(target).leave(key);
    this.#credentials.leave(key, target.authenticator);
    this.#credentials.wakeNext(target.authenticator);
  }

  #budgetOf({ region, projectID }: Target): Budget {
    return this.#budgets.get(JSON.stringify([region.name, projectID]));
  }

  #dropUnused(id: string): void {
    const job = this.#jobs.get(id);
    if (job !== undefined && job.followers.size === 0 && job.flight === undefined) this.#jobs.delete(id);
  }
}

function idOf({ region, projectID, jobID, authenticator }: Target): string {
  return JSON.stringify([region.name, projectID, jobID, authenticator.fingerprint]);
}

/**
 * Rejected credentials may be renewed at any time: whoever asks again finds out without a call, and should not be kept
 * from trying by the time that a breaker or a lock takes.
 */
function untimed(observation: Observation): Observation {
  if (observation.kind !== 'error' || observation.error.class !== 'unauthorized') return observation;
  const { retryAfterMs: _, ...error } = observation.error;
  return { kind: 'error', error };
}
