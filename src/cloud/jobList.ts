import type { Clock } from '../clock.js';
import type { ListAnswer } from './client.js';
import type { CloudErrorClass } from './errors.js';
import { readJob } from './job.js';
import {
  isHidden,
  isTrusted,
  LONGEST_GAP_MS,
  markOf,
  mayBeTrusted,
  shownOf,
  type ListedJob,
  type Mark,
  type Shown,
} from './listedJob.js';

/** So many polls that a list may answer have to fall due within the time that it is fresh, or it is not cheaper. */
const WORTH_POLLS = 4;
/** A list is fresh for so long at most, in milliseconds. */
const FRESH_MS = 5_000;
/** So many lists may save nothing before it is given up for a while. */
const CREDIT = 30;
/** How long it is not asked for again when it failed as any call may fail, and when it is not there or not cheaper. */
const SHORT_REST_MS = 60_000;
const LONG_REST_MS = 3_600_000;
const PASSING: ReadonlySet<CloudErrorClass> = new Set(['throttled', 'transient', 'unauthorized']);
/** A list may have so many bytes for each job that is followed; one of mostly other jobs is not cheaper. */
const BYTES_PER_JOB = 8 * 1024;
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 1024 * 1024;

/**
 * The list of the jobs of one project, as one credential sees it: one call that may tell of all followed jobs that they
 * have not changed. What it says of a job is never told: it has other fields, and may leave out sub-jobs. It counts when
 * it had been showing the same for a while as a job was looked at, shows it still, and shows as many phases as that look;
 * for a short time only; and no more once it was found to hide a change.
 * Nothing here is an error to anybody: without the list each job is looked at by itself.
 */
export class JobList<J extends ListedJob = ListedJob> {
  readonly #jobs = new Map<string, J>();
  readonly #clock: Clock;
  readonly #freshMs: number;
  /** When the last polls were due, oldest first. */
  readonly #polls: number[] = [];
  #begunAt = -Infinity;
  #restsUntil = -Infinity;
  #credit = CREDIT;
  /** Whether it has shown a sub-job of a followed job: only then does it mean something that it shows none. */
  #showsSubJobs = false;
  /** So many polls have to end, by a look or by the last list, before there may be another list: looks come about. */
  #owed = 0;
  #flight: AbortController | undefined;
  /** Keys that came while a call was under way. */
  #waiting = new Set<string>();
  /** Keys that waited for the last one, and have not come back yet. */
  #returning = new Set<string>();

  /** @param freshMs how old an answer for others may be, in milliseconds */
  constructor(clock: Clock, freshMs: number) {
    this.#clock = clock;
    this.#freshMs = Math.min(freshMs, FRESH_MS);
  }

  get jobs(): Iterable<J> {
    return this.#jobs.values();
  }

  get(jobID: string): J | undefined {
    return this.#jobs.get(jobID);
  }

  add(job: J): J {
    this.#jobs.set(job.jobID, job);
    return job;
  }

  drop({ jobID }: J): void {
    this.#jobs.delete(jobID);
  }

  /** Whether a list could stand in for a look at the job: there was a good one, not just now and not long ago. */
  isPolled(job: J): boolean {
    const now = this.#clock.monotonic();
    return now - job.lookedAt >= this.#freshMs / 2 && mayBeTrusted(job, now);
  }

  /** A poll is due that a list could answer. */
  pollDue(key: string): void {
    // Whoever waited for the list was counted when he came first.
    if (this.#returning.delete(key)) return;
    this.#polls.push(this.#clock.monotonic());
    if (this.#polls.length > WORTH_POLLS) this.#polls.shift();
  }

  /** Whether the next call is better spent on the list than on one job. */
  get worthwhile(): boolean {
    const now = this.#clock.monotonic();
    const [oldest = -Infinity] = this.#polls;
    return (
      this.#flight === undefined &&
      this.#owed <= 0 &&
      now >= this.#restsUntil &&
      now - this.#begunAt >= this.#freshMs &&
      this.#polls.length === WORTH_POLLS &&
      now - oldest < this.#freshMs
    );
  }

  /** Whether a call is under way. */
  get underWay(): boolean {
    return this.#flight !== undefined;
  }

  /** The key is woken when the call that is under way has ended. */
  join(key: string): void {
    this.#waiting.add(key);
  }

  leave(key: string): void {
    this.#waiting.delete(key);
    this.#returning.delete(key);
  }

  /** The longest list that is worth its while, in bytes. */
  get maxBytes(): number {
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, BYTES_PER_JOB * this.#jobs.size));
  }

  /**
   * Asks for the list.
   *
   * @param wake told of the keys that wait for it, and of those whose jobs have changed
   */
  begin(call: (signal: AbortSignal) => Promise<ListAnswer>, wake: (key: string) => void): void {
    this.#flight = new AbortController();
    void this.#run(call, wake, this.#flight.signal);
  }

  async #run(
    call: (signal: AbortSignal) => Promise<ListAnswer>,
    wake: (key: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const begunAt = this.#clock.monotonic();
    // Nobody waits for this promise: a call that throws, which none should, must not end the process.
    const answer = await call(signal).catch(() => undefined);
    this.#flight = undefined;
    if (signal.aborted) return;
    const stirred = answer?.kind === 'list' ? this.#take(answer.entries, begunAt) : [];
    if (answer?.kind !== 'list') {
      this.#rest(answer !== undefined && PASSING.has(answer.error.class) ? SHORT_REST_MS : LONG_REST_MS);
    }
    this.#returning = this.#waiting;
    this.#waiting = new Set();
    for (const key of new Set([...this.#returning, ...stirred])) wake(key);
  }

  /** Gives up the call that is under way; nobody is woken by it any more. */
  abort(): void {
    this.#flight?.abort();
  }

  /** Whether the list tells that what the last look told is still so. */
  confirms(job: J): boolean {
    const now = this.#clock.monotonic();
    const isFresh = now - this.#begunAt < this.#freshMs && this.#begunAt >= job.lookedAt;
    if (!isFresh || !isTrusted(job, now)) return false;
    this.#credit = Math.min(CREDIT, this.#credit + 1);
    this.#owed -= 1;
    return true;
  }

  /** A look begins. What it returns is for `lookEnded`. */
  lookBegins(job: J): Shown | undefined {
    job.stirred = false;
    this.#owed -= 1;
    const now = this.#clock.monotonic();
    return this.#showsSubJobs && now - this.#begunAt < LONGEST_GAP_MS ? shownOf(job, now) : undefined;
  }

  /** Nothing would be lost with it. */
  get idle(): boolean {
    return (
      this.#jobs.size + Number(this.#flight !== undefined) === 0 &&
      this.#clock.monotonic() >= this.#restsUntil
    );
  }

  /** It does not show all changes: nothing that it has shown proves anything. */
  #distrust(): void {
    this.#rest(LONG_REST_MS);
    this.#showsSubJobs = false;
    for (const job of this.#jobs.values()) job.trusted = false;
  }

  #rest(ms: number): void {
    this.#restsUntil = this.#clock.monotonic() + ms;
    this.#credit = CREDIT;
  }

  /** Notes the marks of the followed jobs; returns the keys whose jobs have changed. */
  #take(entries: readonly unknown[], begunAt: number): string[] {
    const continues = begunAt - this.#begunAt < LONGEST_GAP_MS;
    this.#begunAt = begunAt;
    this.#owed = WORTH_POLLS;
    this.#credit -= 1;
    if (this.#credit === 0) this.#rest(LONG_REST_MS);
    const marks = new Map<J, Mark | undefined>();
    for (const entry of entries) {
      const read = readJob(entry);
      if (read.kind !== 'job') continue;
      const job = this.#jobs.get(read.job.id ?? '');
      // Of two entries about one job nobody knows which one is true.
      if (job !== undefined) marks.set(job, marks.has(job) ? undefined : markOf(entry, read.job, begunAt));
    }
    const stirred: string[] = [];
    for (const job of this.#jobs.values()) {
      const mark = marks.get(job);
      if (!continues || mark === undefined || mark.hash !== job.mark?.hash) job.mark = mark;
      if (mark !== undefined && mark.phases > 1) this.#showsSubJobs = true;
      if (isHidden(job, begunAt)) this.#distrust();
      if (!job.trusted || job.mark?.hash === job.seen?.hash) continue;
      job.trusted = false;
      job.stirred = true;
      stirred.push(...job.followers);
    }
    return stirred;
  }
}
