import { Calls, type Admission, type CallsOptions, type RegionState } from './limits/calls.js';
import type { JobClient, ListAnswer, Target } from './client.js';
import type { CloudError } from './errors.js';
import type { Observation } from './job.js';
import { JobList } from './jobList.js';
import { lookEnded, newlyListed, type ListedJob } from './listedJob.js';
import { Pool } from './limits/pool.js';
import { untilAborted } from '../signals.js';
import type { Priority } from '../priority.js';

/** `waiting`: nothing is known now; `wake(key)` tells when to read again. */
export type Reading = Observation | { readonly kind: 'waiting' };

export interface ReaderOptions extends Omit<CallsOptions, 'wake'> {
  /**
   * Tells that it is worth to read for the key again, now. `high`: it has a turn, of which there are few at a time and which
   * nobody else has until it comes, or somebody waits for it. Must not throw.
   */
  readonly wake: (key: string, priority: Priority) => void;
  readonly client: Pick<JobClient, 'read' | 'list'>;
  /** An observation that one CloudJob caused is given to others of the same job until it is so old, in milliseconds. */
  readonly freshMs: number;
  /** Told of each look that made a call. Must not throw. */
  readonly onLook?: (observation: Observation) => void;
  /** Told of each call for the list of a project's jobs; undefined: a good one. Must not throw. */
  readonly onList?: (error: CloudError | undefined) => void;
  /** Told of each time that the list stood in for a look. Must not throw. */
  readonly onUnchanged?: () => void;
  /** Told of each look that ended with an error, one without a call included. Must not throw. */
  readonly onError?: (error: CloudError, target: Target) => void;
}

/** One job as one credential sees it, and the CloudJobs (keys) that follow it. */
interface SharedJob extends ListedJob {
  readonly followers: Set<string>;
  readonly list: JobList<SharedJob>;
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

/**
 * Looks at jobs without being a burden: one call for all CloudJobs of the same job, or for many jobs of a project, within
 * the budget of the region and project, and none where the region or the credential is known to fail.
 */
export class CloudReader {
  readonly #options: ReaderOptions;
  readonly #calls: Calls;
  /** The jobs that are followed, by region, project and credential. */
  readonly #lists: Pool<JobList<SharedJob>>;
  readonly #followed = new Map<string, { readonly job: SharedJob; target: Target }>();
  /** Keys that wait for their turn on somebody's behalf. */
  readonly #urgent = new Set<string>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#calls = new Calls({ ...options, wake: (key) => options.wake(key, 'high') });
    this.#lists = new Pool(() => new JobList(options.clock, options.freshMs));
  }

  /**
   * One look at the target for `key`, which follows it from now on, until `forget(key)` or another target. Ends with
   * `waiting` when the signal aborts; a call that others wait for goes on.
   */
  async read(key: string, target: Target, priority: Priority, signal: AbortSignal): Promise<Reading> {
    if (signal.aborted) return WAITING;
    const job = this.#follow(key, target);
    // What was learnt before somebody asked is no answer; what was learnt while he waited is.
    if (priority === 'high' && !this.#urgent.has(key)) this.#tell(job, key);
    const known = this.#untold(job, key);
    const started = known ?? job.flight ?? this.#start(job, key, target, priority);
    if (started === 'waiting') {
      if (priority === 'high') this.#urgent.add(key);
      return WAITING;
    }
    this.#urgent.delete(key);
    if ('kind' in started) {
      this.#calls.leave(key, target);
      return started;
    }
    if (started.keys.size > 0) this.#calls.leave(key, target);
    started.keys.add(key);
    this.#tell(job, key);
    const observation = await untilAborted(started.promise, signal);
    if (observation !== 'aborted') return observation;
    started.keys.delete(key);
    // One that has just ended has no controller any more.
    if (started.keys.size === 0 && job.flight === started) {
      started.controller.abort();
      // Whoever comes next must not join it.
      job.flight = undefined;
    }
    return WAITING;
  }

  /**
   * Whether the list of the project's jobs tells that the job is still as the last look at it was answered; asks for the list
   * where that is cheaper than the looks that it may save. `waiting`: `wake(key)` tells when to ask again. `unknown`: only
   * a look can tell.
   *
   * @param digest of the answer that the caller knows
   */
  unchanged(key: string, target: Target, digest: string): 'unchanged' | 'waiting' | 'unknown' {
    const job = this.#follow(key, target);
    const { list } = job;
    if (job.digest !== digest || job.flight !== undefined || this.hasNews(key)) return 'unknown';
    if (!list.isPolled(job)) return 'unknown';
    list.pollDue(key);
    if (list.worthwhile) this.#startList(list, key, target);
    if (list.underWay) {
      list.join(key);
      return 'waiting';
    }
    if (!list.confirms(job)) return 'unknown';
    this.#calls.leave(key, target);
    this.#options.onUnchanged?.();
    return 'unchanged';
  }

  /**
   * Whether there is a reason to read before it is time to: another key's look has told something, which costs no call, or
   * the list shows that the job has changed.
   */
  hasNews(key: string): boolean {
    const job = this.#followed.get(key)?.job;
    if (job?.stirred === true) return true;
    return job?.news?.untold.has(key) === true && this.#isFresh(job.news);
  }

  /** The key is gone, or has no more questions. */
  forget(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    const { job, target } = followed;
    this.#followed.delete(key);
    this.#urgent.delete(key);
    this.#calls.leave(key, target);
    job.followers.delete(key);
    job.list.leave(key);
    this.#tell(job, key);
    dropUnused(job);
  }

  /** May use this part (above 0, up to 1) of every budget from now on: other replicas have the rest. */
  share(part: number): void {
    this.#calls.share(part);
  }

  /** The regions that were asked of late, by name. */
  regions(): ReadonlyMap<string, RegionState> {
    return this.#calls.regions();
  }

  /** How many credentials are held back because the cloud rejects them. */
  get openCredentials(): number {
    return this.#calls.openCredentials;
  }

  /** Aborts all calls and wakes nobody any more. */
  close(): void {
    this.#calls.close();
    for (const list of this.#lists.values()) {
      list.abort();
      for (const { flight } of list.jobs) flight?.controller.abort();
    }
    this.#followed.clear();
    this.#urgent.clear();
  }

  #follow(key: string, target: Target): SharedJob {
    const followed = this.#followed.get(key);
    if (followed !== undefined && isSameJob(followed.target, target)) {
      followed.target = target;
      return followed.job;
    }
    this.forget(key);
    const { region, projectID, jobID, authenticator } = target;
    const list = this.#lists.get(JSON.stringify([region.name, projectID, authenticator.fingerprint]));
    const job = list.get(jobID) ?? newJob(list, jobID);
    job.followers.add(key);
    this.#followed.set(key, { job, target });
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

  /** Spends the turn that the key has on the list, if it has one. */
  #startList(list: JobList<SharedJob>, key: string, target: Target): void {
    // A look is the better probe.
    if (this.#calls.isOpen(target)) return;
    const admission = this.#calls.admit(key, target, 'low');
    if (admission.kind !== 'admitted') return;
    const { client, onList, wake } = this.#options;
    const call = async (signal: AbortSignal): Promise<ListAnswer> => {
      const { answer, made } = await this.#calls.make(target, admission, signal, (mayCall) =>
        client.list(target, list.maxBytes, signal, mayCall),
      );
      if (made && !signal.aborted) onList?.(answer.kind === 'error' ? answer.error : undefined);
      return answer;
    };
    list.begin(call, (waiting) => wake(waiting, 'low'));
  }

  #start(job: SharedJob, key: string, target: Target, priority: Priority): Flight | Observation | 'waiting' {
    const admission = this.#calls.admit(key, target, priority);
    if (admission.kind === 'waiting') return 'waiting';
    if (admission.kind === 'error') return untimed(admission);
    const controller = new AbortController();
    const keys = new Set<string>();
    const promise = this.#look(job, keys, target, admission, controller);
    job.flight = { promise, controller, keys };
    return job.flight;
  }

  async #look(
    job: SharedJob,
    keys: ReadonlySet<string>,
    target: Target,
    admission: Admission,
    controller: AbortController,
  ): Promise<Observation> {
    const { signal } = controller;
    const shown = job.list.lookBegins(job);
    try {
      const { answer, made } = await this.#calls.make(target, admission, signal, (mayCall) =>
        this.#options.client.read(target, signal, mayCall, job.digest),
      );
      const isOther = answer.kind === 'job' && job.digest !== undefined && answer.digest !== job.digest;
      if (answer.kind === 'job') job.digest = answer.digest;
      const observation = untimed(answer);
      if (!signal.aborted) {
        lookEnded(job, this.#options.clock.monotonic(), shown, observation, isOther);
        if (made) this.#options.onLook?.(answer);
        if (answer.kind === 'error') this.#options.onError?.(answer.error, target);
        this.#share(job, observation, keys);
      }
      return observation;
    } finally {
      if (job.flight?.keys === keys) job.flight = undefined;
      dropUnused(job);
    }
  }

  #share(job: SharedJob, observation: Observation, told: ReadonlySet<string>): void {
    const untold = new Set([...job.followers].filter((key) => !told.has(key)));
    const at = this.#options.clock.monotonic();
    job.news = untold.size === 0 ? undefined : { observation, at, untold };
    for (const key of untold) this.#options.wake(key, this.#urgent.has(key) ? 'high' : 'low');
  }
}

function newJob(list: JobList<SharedJob>, jobID: string): SharedJob {
  return list.add({
    ...newlyListed(jobID),
    followers: new Set<string>(),
    list,
    news: undefined,
    digest: undefined,
    flight: undefined,
  });
}

function dropUnused(job: SharedJob): void {
  if (job.followers.size === 0 && job.flight === undefined) job.list.drop(job);
}

function isSameJob(one: Target, other: Target): boolean {
  if (one === other) return true;
  return (
    one.jobID === other.jobID &&
    one.projectID === other.projectID &&
    one.region.name === other.region.name &&
    one.authenticator.fingerprint === other.authenticator.fingerprint
  );
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
