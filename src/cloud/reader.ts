import type { Priority } from '../priority.js';
import { untilAborted } from '../signals.js';
import type { JobAnswer, JobClient, JobRead, Target } from './client.js';
import type { CloudError } from './errors.js';
import { CallLimits, type CallLimitsOptions, type CallSlot, type RegionState } from './limits/callLimits.js';
import type { Observation } from './observation.js';

export interface JobReaderOptions extends Omit<CallLimitsOptions, 'wake'> {
  /**
   * The key should read now. `high`: a scarce slot is reserved for it, or somebody waits for it. Must not throw.
   */
  readonly wake: (key: string, priority: Priority) => void;
  readonly client: Pick<JobClient, 'read'>;
  /** How long the result of one CloudJob's call serves others of the same job, in milliseconds. */
  readonly freshMs: number;
  /** Called with each answer to a call. Must not throw. */
  readonly onAnswer?: (answer: JobAnswer) => void;
  /** Called with each error, including one without a call. Must not throw. */
  readonly onError?: (error: CloudError, target: Target) => void;
}

/** One job as one credential sees it, and the CloudJobs (keys) that follow it. */
interface SharedJob {
  readonly id: string;
  readonly followers: Set<string>;
  call: SharedCall | undefined;
  /** The result of the last call, while some followers have not taken it. */
  sharedResult: SharedResult | undefined;
  /** The error of the last call, if it failed: its message is for the followers of this job. */
  lastError: CloudError | undefined;
  /** Of the last call, if the budget had none for all that it was to read. */
  unfinished: JobRead | undefined;
}

/** A call that is under way, and the keys that wait for its answer. */
interface SharedCall {
  readonly answer: Promise<Observation>;
  readonly controller: AbortController;
  readonly waiting: Set<string>;
  /** Keys that wait for it without a worker: there was no room for one. */
  readonly parked: Set<string>;
}

interface SharedResult {
  readonly observation: Observation;
  /** On the monotonic clock. */
  readonly at: number;
  readonly waiting: Set<string>;
}

const NOTHING: Observation = { kind: 'nothing' };

/**
 * Reads jobs with few calls: one call for all CloudJobs of the same job, within the budget of its region and project, and
 * no call while the region or the credential is known to fail.
 */
export class JobReader {
  readonly #options: JobReaderOptions;
  readonly #limits: CallLimits;
  readonly #jobs = new Map<string, SharedJob>();
  /** By key. */
  readonly #followed = new Map<string, { readonly job: SharedJob; readonly target: Target }>();
  /** Keys that wait for a slot and for which somebody waits. */
  readonly #waitingHigh = new Set<string>();

  constructor(options: JobReaderOptions) {
    this.#options = options;
    this.#limits = new CallLimits({ ...options, wake: (key) => options.wake(key, 'high') });
  }

  /**
   * Reads the job for `key`, which follows it from now on, until `forget(key)` or another target. `nothing`: the key
   * waits for a slot and is woken when it has one, or the signal has aborted; a call that others wait for then goes on.
   */
  async read(key: string, target: Target, priority: Priority, signal: AbortSignal): Promise<Observation> {
    if (signal.aborted) return NOTHING;
    const job = this.#follow(key, target);
    const isNewWish = priority === 'high' && !this.#waitingHigh.has(key);
    const shared = takeShared(job, key);
    // A result from before the request does not answer it; a result from while it waited does.
    if (shared !== undefined && !isNewWish && this.#isFresh(shared)) {
      this.#cancel(key, target);
      return shared.observation;
    }
    if (job.call === undefined) {
      const slot = this.#limits.acquire(key, target, priority);
      if (slot.kind === 'waiting') {
        if (priority === 'high') this.#waitingHigh.add(key);
        return NOTHING;
      }
      this.#waitingHigh.delete(key);
      // Who wishes for a poll wants the job as it is now.
      if (priority === 'high') job.unfinished = undefined;
      if (slot.kind === 'error') {
        this.#limits.cancel(key, target);
        return withoutWait({ kind: 'error', error: inOwnWords(slot.error, job.lastError) });
      }
      job.call = this.#begin(job, target, slot);
      return this.#join(job, job.call, key, signal);
    }
    this.#cancel(key, target);
    const place = this.#limits.join(target);
    if (place === undefined) {
      job.call.parked.add(key);
      if (priority === 'high') this.#waitingHigh.add(key);
      return NOTHING;
    }
    try {
      return await this.#join(job, job.call, key, signal);
    } finally {
      place.leave();
    }
  }

  /** Whether another CloudJob's call has read the job since, so that a read for the key costs no call. */
  hasSharedResult(key: string): boolean {
    const shared = this.#followed.get(key)?.job.sharedResult;
    return shared?.waiting.has(key) === true && this.#isFresh(shared);
  }

  /** The key is gone, or needs no more reads. */
  forget(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    const { job, target } = followed;
    this.#followed.delete(key);
    this.#cancel(key, target);
    job.followers.delete(key);
    takeShared(job, key);
    this.#dropUnused(job);
  }

  /** From now on this process may use this part (above 0, up to 1) of every budget; other replicas have the rest. */
  setShare(part: number): void {
    this.#limits.setShare(part);
  }

  /** The recently called regions, by name. */
  regions(): ReadonlyMap<string, RegionState> {
    return this.#limits.regions();
  }

  /** The number of credentials in use that are held back because the cloud rejects them. */
  get openCredentials(): number {
    return this.#limits.countOpenCredentials([...this.#followed.values()].map(({ target }) => target));
  }

  /** Aborts all calls and stops waking keys. */
  close(): void {
    this.#limits.close();
    for (const { call } of this.#jobs.values()) call?.controller.abort();
    this.#jobs.clear();
    this.#followed.clear();
    this.#waitingHigh.clear();
  }

  #follow(key: string, target: Target): SharedJob {
    const id = idOf(target);
    if (this.#followed.get(key)?.job.id !== id) this.forget(key);
    const none = {
      followers: new Set<string>(),
      call: undefined,
      sharedResult: undefined,
      lastError: undefined,
      unfinished: undefined,
    };
    const job = this.#jobs.get(id) ?? { id, ...none };
    this.#jobs.set(id, job);
    this.#followed.set(key, { job, target });
    job.followers.add(key);
    return job;
  }

  /** Gives up the key's place in the queues. */
  #cancel(key: string, target: Target): void {
    this.#waitingHigh.delete(key);
    this.#limits.cancel(key, target);
  }

  #begin(job: SharedJob, target: Target, slot: CallSlot): SharedCall {
    const controller = new AbortController();
    const waiting = new Set<string>();
    const answer = this.#call(job, target, slot, controller.signal, waiting);
    return { answer, controller, waiting, parked: new Set() };
  }

  async #call(
    job: SharedJob,
    target: Target,
    slot: CallSlot,
    signal: AbortSignal,
    waiting: ReadonlySet<string>,
  ): Promise<Observation> {
    const { client, onAnswer, onError } = this.#options;
    try {
      const { answer, called } = await this.#limits.call(target, slot, signal, (mayCall) =>
        client.read(target, signal, mayCall, job.unfinished),
      );
      const observation = withoutWait(answer);
      if (signal.aborted) return observation;
      job.lastError = answer.kind === 'error' ? answer.error : undefined;
      job.unfinished = answer.kind === 'job' && answer.causesLeft !== undefined ? answer : undefined;
      if (called) onAnswer?.(answer);
      if (answer.kind === 'error') onError?.(answer.error, target);
      this.#publish(job, observation, waiting);
      return observation;
    } finally {
      if (job.call?.waiting === waiting) job.call = undefined;
      this.#dropUnused(job);
    }
  }

  /** Waits for the answer of a call; when the last waiter gives up, the call ends. */
  async #join(job: SharedJob, call: SharedCall, key: string, signal: AbortSignal): Promise<Observation> {
    call.waiting.add(key);
    const observation = await untilAborted(call.answer, signal);
    if (observation !== 'aborted') return observation;
    call.waiting.delete(key);
    if (call.waiting.size === 0 && job.call === call) {
      // No later key may join it.
      job.call = undefined;
      call.controller.abort();
      for (const other of call.parked) this.#wake(other);
    }
    return NOTHING;
  }

  /** Offers the result to the followers that did not wait for it. */
  #publish(job: SharedJob, observation: Observation, served: ReadonlySet<string>): void {
    const waiting = new Set([...job.followers].filter((key) => !served.has(key)));
    const at = this.#options.clock.monotonic();
    job.sharedResult = waiting.size === 0 ? undefined : { observation, at, waiting };
    for (const key of waiting) this.#wake(key);
  }

  #wake(key: string): void {
    this.#options.wake(key, this.#waitingHigh.has(key) ? 'high' : 'low');
  }

  #dropUnused(job: SharedJob): void {
    if (job.followers.size === 0 && job.call === undefined) this.#jobs.delete(job.id);
  }

  #isFresh({ at }: SharedResult): boolean {
    return this.#options.clock.monotonic() - at < this.#options.freshMs;
  }
}

/** Takes the shared result that the key has not taken yet. */
function takeShared(job: SharedJob, key: string): SharedResult | undefined {
  const { sharedResult } = job;
  if (sharedResult?.waiting.delete(key) !== true) return undefined;
  if (sharedResult.waiting.size === 0) job.sharedResult = undefined;
  return sharedResult;
}

function idOf({ region, projectID, jobID, clusterType, authenticator }: Target): string {
  return JSON.stringify([region.name, projectID, jobID, clusterType, authenticator.fingerprint]);
}

/** Why no call was made, with the message of the cloud's last answer about the same job, if it had the same meaning. */
function inOwnWords(held: CloudError, last: CloudError | undefined): CloudError {
  if (last?.class !== held.class || held.retryAfterMs === undefined) return held;
  return { ...last, retryAfterMs: held.retryAfterMs };
}

/**
 * Rejected credentials may be renewed at any time. Reading again costs no call while they are held back, so the wait of a
 * breaker or a lock must not delay it.
 */
function withoutWait(answer: JobAnswer): Observation {
  if (answer.kind !== 'error' || answer.error.class !== 'unauthorized') return answer;
  const { retryAfterMs: _, ...error } = answer.error;
  return { kind: 'error', error };
}
