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
import type { UnwrittenObservations } from './unwrittenObservations.js';
import { WrittenStatus } from './writtenStatus.js';

export interface JobTrackerParts {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly polling: Polling;
}

/**
 * What the process remembers of one CloudJob between passes, and when its job must be polled. A restart loses it; the
 * status has everything that must survive. Instants are on the monotonic clock.
 */
export class JobTracker {
  readonly #parts: JobTrackerParts;
  readonly #uid: string;
  readonly #jobID: string | undefined;
  readonly #createdAt: number;
  /** The generation that existed at the start: its poll has no priority over others. */
  readonly #generationAtStart: number | undefined;
  /** The generation that was polled last. */
  #polledGeneration: number | undefined;
  /** When this process first saw the object; for an object that existed at the start, its creation. */
  readonly #appearedAt: number;
  /** When the job was last observed, or following began; undefined: never, `#appearedAt` counts. */
  #lastObservedAt: number | undefined;
  /** When the job was last seen to change. */
  #changedAt: number;
  #nextPollAt: number;
  #suspended = false;
  /** Whether somebody else wrote the end of the job. */
  #isUnverified: boolean;
  /** Failed polls in a row, and the last failure that is in the status. */
  #failures = 0;
  #lastFailure: Failure | undefined;
  /** The request that the last poll was made for. */
  #handledRequest: string | undefined;
  #statusLength: StatusLength = 'full';
  /** The status that was written last, and how it is stored. */
  readonly written: WrittenStatus;
  /** Whether its job is polled periodically. */
  #isFollowing = false;

  /** @param priority `low` if the object existed at the start */
  constructor(
    cloudJob: CloudJob,
    priority: Priority,
    before: JobTracker | undefined,
    parts: JobTrackerParts,
    private readonly observations: UnwrittenObservations,
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
    // An object that existed at the start is verified at the normal pace.
    this.#isUnverified = priority === 'low' && isUnverified(cloudJob);
    this.written = isSameObject ? before.written : new WrittenStatus(parts.clock);
  }

  /** Whether it belongs to this object and its job; of another one, nothing is remembered. */
  isOf({ metadata, spec }: CloudJob): boolean {
    return this.#uid === metadata.uid && this.#jobID === spec.jobID;
  }

  /** Notices a spec that suspends or resumes polls, and an end that somebody else wrote. */
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
   * Whether the job must be polled in this pass, and with which priority.
   *
   * @param hasSharedResult whether a poll would cost no call
   */
  pollDue(cloudJob: CloudJob, hasSharedResult: boolean): Priority | undefined {
    const { metadata, spec } = cloudJob;
    if ('problems' in spec || spec.suspend === true) return undefined;
    const isHandled = this.unwritten !== undefined && this.#handledRequest === requestedAt(cloudJob);
    if (isRequested(cloudJob) && !isHandled) return 'high';
    if (endsJob(this.unwritten)) return undefined;
    if (isFinished(cloudJob) && !hasUnreadCauses(cloudJob)) return undefined;
    if (this.#polledGeneration !== metadata.generation) {
      return this.#generationAtStart === metadata.generation ? 'low' : 'high';
    }
    return hasSharedResult || this.#parts.clock.monotonic() >= this.#nextPollAt ? 'low' : undefined;
  }

  /** Keeps an observation until it is in the status, and sets the time of the next poll. */
  observed(cloudJob: CloudJob, observation: Observation): void {
    if (observation.kind === 'nothing') return;
    const { clock, polling, random } = this.#parts;
    const now = clock.monotonic();
    this.#polledGeneration = cloudJob.metadata.generation;
    this.#handledRequest = requestedAt(cloudJob);
    // The end of a job stays, even if the cloud forgets the job or cannot be reached later.
    if (observation.kind === 'job' || !endsJob(this.unwritten)) this.observations.keep(this, observation);
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

  /** The job has just changed: the next change may come soon. */
  changed(cloudJob: CloudJob): void {
    const now = this.#parts.clock.monotonic();
    this.#changedAt = now;
    this.#nextPollAt = Math.min(
      this.#nextPollAt,
      now + this.#intervalMs(cloudJob, now, this.#parts.random()),
    );
  }

  /** The observation that is not yet in the status: the write met a conflict, failed, or must wait. */
  get unwritten(): Observation | undefined {
    return this.observations.of(this);
  }

  /** The API server refused the status as too large. @returns the length of the next one; `full` when the object has changed */
  refusedAsTooLarge(): StatusLength {
    this.#statusLength = this.#statusLength === 'full' ? 'short' : 'full';
    return this.#statusLength;
  }

  /** The observation is in the status; `isFollowing`: polls go on. */
  concluded(observation: Observation, isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    this.written.overwriteReported();
    if (observation.kind === 'nothing') return;
    this.#lastFailure = failureOf(observation);
    this.observations.drop(this);
  }

  /** What the status does not contain. */
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

  /** Milliseconds since this process first saw the object. */
  get ageMs(): number {
    return this.#parts.clock.monotonic() - this.#createdAt;
  }

  /** Milliseconds until the next poll; 0 or less when it is due. @param withinMs the upper limit */
  nextPollMs(withinMs: number): number {
    const now = this.#parts.clock.monotonic();
    this.#nextPollAt = Math.min(this.#nextPollAt, now + withinMs);
    return this.#nextPollAt - now;
  }

  /** Milliseconds since the job was last observed, while it is polled; 0 if it is not polled or never was observed. */
  get observationAgeMs(): number {
    if (!this.#isFollowing || this.#lastObservedAt === undefined) return 0;
    return this.#parts.clock.monotonic() - this.#lastObservedAt;
  }

  #intervalMs(cloudJob: CloudJob, now: number, random: number): number {
    const { pollIntervalSeconds } = readableSpec(cloudJob);
    return pollAfterMs(now - this.#changedAt, pollIntervalSeconds, this.#parts.polling, random);
  }

  /** After a restart polls continue at their earlier pace, each at a random moment of its interval. */
  #restartSpreadMs(cloudJob: CloudJob, now: number): number {
    const { polling, random } = this.#parts;
    const intervalMs = this.#intervalMs(cloudJob, now, 0.5);
    return random() * Math.min(intervalMs, polling.maxSeconds * 1000);
  }
}

/** Whether it shows that the job has ended, with success or failure. */
function endsJob(observation: Observation | undefined): boolean {
  return observation?.kind === 'job' && isTerminal(observation.job.phase);
}
