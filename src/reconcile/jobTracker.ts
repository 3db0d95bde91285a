import { findCondition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import type { Clock } from '../clock.js';
import { failureOf, type Failure, type Observation } from '../cloud/observation.js';
import { isTerminal } from '../cloud/phase.js';
import type { Priority } from '../priority.js';
import {
  aboutItsJob,
  hasUnreadCauses,
  isFinished,
  isRequested,
  isUnverified,
  knownJob,
  readableSpec,
  requestedAt,
} from './cloudJob.js';
import type { History } from './jobState.js';
import { pollAfterMs, retryAfterMs, unchangedSince, type Polling } from './schedule.js';
import { isKnown, type StatusLength } from './summary.js';
import { WrittenStatus } from './writtenStatus.js';

export interface JobTrackerParts {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly polling: Polling;
}

/**
 * What the process remembers of one CloudJob between passes, and when that says that its job is to be polled. A restart
 * forgets it; what must outlive one is in the status. Instants are on the monotonic clock.
 */
export class JobTracker {
  readonly #parts: JobTrackerParts;
  readonly #uid: string;
  readonly #jobID: string | undefined;
  readonly #createdAt: number;
  /** The spec that was there at start: nobody waits for it more than for all others. */
  readonly #generationAtStart: number | undefined;
  /** The spec that was polled last. */
  #polledGeneration: number | undefined;
  /** When the object appeared: when this process first saw it; of what was there at start, its creation. */
  readonly #appearedAt: number;
  /** When the job was last observed, or following began; undefined: never, time runs from when the object appeared. */
  #lastObservedAt: number | undefined;
  /** When the job was last seen to change. */
  #changedAt: number;
  #nextPollAt: number;
  #suspended = false;
  /** Whether the end of the job is somebody else's word. */
  #isUnverified: boolean;
  /** Failed polls in a row, and how the last one that the status says failed. */
  #failures = 0;
  #lastFailure: Failure | undefined;
  /** Observed, and not yet in the status: the write lost a race, failed or comes too soon. */
  #unwritten: Observation | undefined;
  /** The request that the last poll was made for. */
  #handledRequest: string | undefined;
  #statusLength: StatusLength = 'full';
  /** What became of the status that was written last. */
  readonly written: WrittenStatus;
  /** Whether its job is polled again and again. */
  #isFollowing = false;

  /** @param priority `low` where the object was there at start */
  constructor(
    cloudJob: CloudJob,
    priority: Priority,
    before: JobTracker | undefined,
    parts: JobTrackerParts,
  ) {
    const { metadata, spec, status } = cloudJob;
    const now = parts.clock.monotonic();
    const known = knownJob(aboutItsJob(cloudJob));
    const wasFollowed = isKnown(known) && status.observedGeneration === metadata.generation;
    const isSameObject = before !== undefined && before.#uid === metadata.uid;
    this.#parts = parts;
    this.#uid = metadata.uid;
    this.#jobID = spec.jobID;
    this.#createdAt = now;
    this.#generationAtStart = priority === 'low' ? metadata.generation : undefined;
    this.#polledGeneration = wasFollowed ? metadata.generation : undefined;
    this.#lastObservedAt = wasFollowed || isSameObject ? now : undefined;
    const wallNow = parts.clock.now();
    const createdMs = Math.max(0, wallNow - Date.parse(metadata.creationTimestamp));
    this.#appearedAt = priority === 'low' ? now - createdMs : now;
    this.#changedAt = wasFollowed ? now - (wallNow - unchangedSince(known, wallNow)) : now;
    this.#nextPollAt = wasFollowed ? now + this.#restartSpreadMs(cloudJob, now) : now;
    // What was there at start is verified at the pace of the others.
    this.#isUnverified = priority === 'low' && isUnverified(cloudJob);
    this.written = isSameObject ? before.written : new WrittenStatus(parts.clock);
  }

  /** Whether it is about this very object and its job: of another one, nothing is remembered. */
  isOf({ metadata, spec }: CloudJob): boolean {
    return this.#uid === metadata.uid && this.#jobID === spec.jobID;
  }

  /** Takes note of a spec that suspends polls, or resumes them, and of an end that somebody else wrote. */
  note(cloudJob: CloudJob): void {
    const wasUnverified = this.#isUnverified;
    this.#isUnverified = isUnverified(cloudJob);
    if (this.#isUnverified && !wasUnverified) this.#nextPollAt = this.#parts.clock.monotonic();
    if (readableSpec(cloudJob).suspend === true) {
      this.#suspended = true;
    } else if (this.#suspended || findCondition(cloudJob.status.conditions, 'Suspended') !== undefined) {
      // Nothing could be observed while it was suspended.
      const now = this.#parts.clock.monotonic();
      this.#suspended = false;
      this.#lastObservedAt = now;
      this.#nextPollAt = now;
    }
  }

  /**
   * Whether the job is to be polled in this pass, and with which priority.
   *
   * @param hasSharedResult whether a poll would cost no call
   */
  pollDue(cloudJob: CloudJob, hasSharedResult: boolean): Priority | undefined {
    const { metadata, spec } = cloudJob;
    if ('problems' in spec || spec.suspend === true) return undefined;
    const isHandled = this.#unwritten !== undefined && this.#handledRequest === requestedAt(cloudJob);
    if (isRequested(cloudJob) && !isHandled) return 'high';
    if (endsJob(this.#unwritten)) return undefined;
    if (isFinished(cloudJob) && !hasUnreadCauses(cloudJob)) return undefined;
    if (this.#polledGeneration !== metadata.generation) {
      return this.#generationAtStart === metadata.generation ? 'low' : 'high';
    }
    return hasSharedResult || this.#parts.clock.monotonic() >= this.#nextPollAt ? 'low' : undefined;
  }

  /** Keeps what a poll has shown until it is in the status, and sets the time of the next one. */
  observed(cloudJob: CloudJob, observation: Observation): void {
    if (observation.kind === 'nothing') return;
    const { clock, polling, random } = this.#parts;
    const now = clock.monotonic();
    this.#polledGeneration = cloudJob.metadata.generation;
    this.#handledRequest = requestedAt(cloudJob);
    // A job that has ended stays so, although the cloud forgets it or cannot be reached later.
    if (observation.kind === 'job' || !endsJob(this.#unwritten)) this.#unwritten = observation;
    const failure = failureOf(observation);
    if (failure !== undefined) {
      this.#failures += 1;
      const atLeastMs = observation.kind === 'error' ? observation.error.retryAfterMs : undefined;
      this.#nextPollAt = now + retryAfterMs(failure.retry, this.#failures, atLeastMs, polling, random());
      return;
    }
    this.#failures = 0;
    if (observation.kind !== 'job') return;
    this.#lastObservedAt = now;
    this.#nextPollAt = now + this.#intervalMs(cloudJob, now, random());
  }

  /** The job was just seen to change: what follows may come soon. */
  changed(cloudJob: CloudJob): void {
    const now = this.#parts.clock.monotonic();
    this.#changedAt = now;
    this.#nextPollAt = Math.min(
      this.#nextPollAt,
      now + this.#intervalMs(cloudJob, now, this.#parts.random()),
    );
  }

  /** Observed, and not yet in the status. */
  get unwritten(): Observation | undefined {
    return this.#unwritten;
  }

  /** The API server refused the status as too large. @returns how long the next one is; `full` when the object has changed */
  refusedAsTooLarge(): StatusLength {
    this.#statusLength = this.#statusLength === 'full' ? 'short' : 'full';
    return this.#statusLength;
  }

  /** The status says what was observed; `isFollowing`: the job is polled on. */
  concluded(observation: Observation, isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    this.written.overwriteReported();
    if (observation.kind === 'nothing') return;
    this.#lastFailure = failureOf(observation);
    this.#unwritten = undefined;
  }

  /** What the status cannot say. */
  history(): History {
    const now = this.#parts.clock.monotonic();
    return {
      unobservedMs: now - (this.#lastObservedAt ?? this.#appearedAt),
      unchangedMs: now - this.#changedAt,
      lastFailure: this.#lastFailure,
      statusLength: this.#statusLength,
      isOverwritten: this.written.isOverwritten,
    };
  }

  /** Whether the last poll failed: its credentials may have been renewed. */
  get hasFailed(): boolean {
    return this.#lastFailure !== undefined;
  }

  /** Milliseconds since this process first saw the object. */
  get ageMs(): number {
    return this.#parts.clock.monotonic() - this.#createdAt;
  }

  /** Milliseconds until the next poll; 0 or less when it is due. @param withinMs the latest */
  nextPollMs(withinMs: number): number {
    const now = this.#parts.clock.monotonic();
    this.#nextPollAt = Math.min(this.#nextPollAt, now + withinMs);
    return this.#nextPollAt - now;
  }

  /** Milliseconds since the job was last observed, while it is polled; 0 when it is not, or never was. */
  get observationAgeMs(): number {
    if (!this.#isFollowing || this.#lastObservedAt === undefined) return 0;
    return this.#parts.clock.monotonic() - this.#lastObservedAt;
  }

  #intervalMs(cloudJob: CloudJob, now: number, random: number): number {
    const { pollIntervalSeconds } = readableSpec(cloudJob);
    return pollAfterMs(now - this.#changedAt, pollIntervalSeconds, this.#parts.polling, random);
  }

  /** After a restart polls go on at the pace that they had: each at a random moment of its interval. */
  #restartSpreadMs(cloudJob: CloudJob, now: number): number {
    const { polling, random } = this.#parts;
    const intervalMs = this.#intervalMs(cloudJob, now, 0.5);
    return random() * Math.min(intervalMs, polling.maxSeconds * 1000);
  }
}

/** The trackers of all CloudJobs, by key. */
export class JobTrackers {
  readonly #trackers = new Map<string, JobTracker>();

  constructor(private readonly parts: JobTrackerParts) {}

  /** What is remembered of it, or a new tracker. @param priority `low` where the object was there at start */
  of(key: string, cloudJob: CloudJob, priority: Priority): JobTracker {
    const before = this.#trackers.get(key);
    const isSame = before?.isOf(cloudJob) === true;
    const tracker = isSame ? before : new JobTracker(cloudJob, priority, before, this.parts);
    tracker.note(cloudJob);
    this.#trackers.set(key, tracker);
    return tracker;
  }

  keys(): Iterable<string> {
    return this.#trackers.keys();
  }

  forget(key: string): void {
    this.#trackers.delete(key);
  }

  /** Milliseconds since the unfinished job was observed that was not observed for longest; 0 without one. */
  observationAgeMs(): number {
    let oldest = 0;
    for (const { observationAgeMs } of this.#trackers.values()) oldest = Math.max(oldest, observationAgeMs);
    return oldest;
  }
}

/** Whether it shows that the job has ended, one way or the other. */
function endsJob(observation: Observation | undefined): boolean {
  return observation?.kind === 'job' && isTerminal(observation.job.phase);
}
