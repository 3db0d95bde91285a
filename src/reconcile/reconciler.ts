import type { CloudJob } from '../api/cloudjob.js';
import type { Observation } from '../cloud/observation.js';
import type { ReconcileContext, Result } from '../kube/controller.js';
import type { Priority } from '../priority.js';
import { settlesWithin } from '../signals.js';
import { decide, type Decision } from './decide.js';
import { JobObserver, type JobObserverParts } from './jobObserver.js';
import type { Alteration } from './writtenStatus.js';
import { JobTracker, type JobTrackerParts } from './jobTracker.js';
import type { CloudJobStore, TransitionRecorder, Written } from './ports.js';
import { UnwrittenObservations } from './unwrittenObservations.js';

/** If the first poll of a new object takes longer than this, its status first reports that it waits for the cloud. */
const FIRST_POLL_MS = 1_000;
/** A pass that met a conflict is repeated after this time: the watch needs a moment to deliver the newer object. */
const STALE_RETRY_MS = 100;
/** The status waits no longer than this for its transitions to be recorded. */
const RECORD_MS = 1_000;

const DONE: Result = { kind: 'done' };
const STALE: Result = { kind: 'requeue', afterMs: STALE_RETRY_MS };
const NOTHING: Observation = { kind: 'nothing' };

export interface ReconcilerParts extends JobObserverParts, JobTrackerParts {
  readonly store: CloudJobStore;
  readonly transitions: TransitionRecorder;
  /**
   * Called when a CloudJob has no room for its status, for example because of its labels. If a shorter status does not fit
   * either, the job is not polled until the object changes. Must not throw.
   */
  readonly onTooLarge?: (key: string, isShorterLeft: boolean) => void;
  /** Called for each stored status that differs from the written one; must not throw. */
  readonly onAlteration: (how: Alteration, cloudJob: CloudJob, fields: readonly string[]) => void;
}

/** The only shell around `decide`: it observes what `decide` needs, and carries out the decision. */
export class Reconciler {
  /** By key. */
  readonly #trackers = new Map<string, JobTracker>();
  readonly #observations = new UnwrittenObservations();
  readonly #observer: JobObserver;

  constructor(private readonly parts: ReconcilerParts) {
    this.#observer = new JobObserver(parts);
  }

  /**
   * One pass over one CloudJob: object -> observe, if a poll is due -> decide -> write, if it differs -> requeue.
   *
   * @param key `namespace/name`
   * @throws when the API server fails; the pass must then be repeated, with backoff
   */
  async reconcile(key: string, { priority, signal }: ReconcileContext): Promise<Result> {
    const { store, reader, clock, onAlteration } = this.parts;
    const served = store.get(key);
    if (served === undefined || served.metadata.deletionTimestamp !== undefined) return this.#forget(key);
    const tracker = this.#trackerOf(key, served, priority);
    const cloudJob = tracker.written.read(served, (how, fields) => onAlteration(how, served, fields));

    const poll = tracker.pollDue(cloudJob, reader.hasSharedResult(key));
    let current: Written = cloudJob;
    let isWaiting = false;
    if (poll !== undefined) {
      const observed = await this.#observe(key, cloudJob, tracker, poll, signal);
      current = observed.current;
      // The reader wakes the key when it may call; an aborted pass does not wait.
      isWaiting = observed.kind === 'nothing' && !signal.aborted;
    }
    if (typeof current === 'string') return this.#unwritten(current, key, tracker);
    // A slot may soon be free, and a second status could not be written right after this one.
    if (isWaiting && isNew(current) && tracker.ageMs < FIRST_POLL_MS) {
      return { kind: 'requeue', afterMs: FIRST_POLL_MS - tracker.ageMs };
    }

    // While somebody waits for a poll, an older observation must not count as that poll.
    const observation = (isWaiting && poll === 'high' ? undefined : tracker.unwritten) ?? NOTHING;
    const decision = decide(current, observation, clock.now(), tracker.history());
    if (decision.jobChanged) tracker.changed(current);
    const { waitMs } = tracker.written;
    if (decision.differs && waitMs > 0) return { kind: 'requeue', afterMs: waitMs };
    const written = await this.#write(current, tracker, decision, signal);
    if (typeof written === 'string') return this.#unwritten(written, key, tracker);
    const stored = decision.adoptsPhase ? await store.adoptPhase(written, signal) : written;
    if (typeof stored === 'string') return this.#unwritten(stored, key, tracker);
    tracker.concluded(observation, decision.requeue.kind === 'poll');
    return this.#requeue(key, stored, tracker, decision, isWaiting, signal);
  }

  /** Milliseconds since the oldest observation of an unfinished job; 0 if there is none. */
  observationAgeMs(): number {
    return [...this.#trackers.values()].reduce((oldest, one) => Math.max(oldest, one.observationAgeMs), 0);
  }

  /** Gives up all places in the cloud's queues: another replica has the CloudJobs from now on. */
  forgetAll(): void {
    for (const key of this.#trackers.keys()) this.#forget(key);
  }

  /** After a conflict the pass is repeated; after a status that was too large, with a shorter one. */
  #unwritten(why: Exclude<Written, CloudJob>, key: string, tracker: JobTracker): Result {
    if (why === 'stale') return STALE;
    const isShorterLeft = tracker.refusedAsTooLarge() === 'short';
    this.parts.onTooLarge?.(key, isShorterLeft);
    if (isShorterLeft) return STALE;
    // Only a change of the object makes room.
    this.parts.reader.forget(key);
    return DONE;
  }

  /** Its tracker, or a new one for another object or job. @param priority `low` if the object existed at the start */
  #trackerOf(key: string, cloudJob: CloudJob, priority: Priority): JobTracker {
    const before = this.#trackers.get(key);
    const isSame = before?.isOf(cloudJob) === true;
    if (before !== undefined && !isSame) this.#observations.drop(before);
    const tracker = isSame
      ? before
      : new JobTracker(cloudJob, priority, before, this.parts, this.#observations);
    tracker.note(cloudJob);
    this.#trackers.set(key, tracker);
    return tracker;
  }

  #forget(key: string): Result {
    const tracker = this.#trackers.get(key);
    if (tracker !== undefined) this.#observations.drop(tracker);
    this.#trackers.delete(key);
    this.parts.reader.forget(key);
    return DONE;
  }

  /** Polls the job. If that takes long, the first status of a new object reports that it waits for the cloud. */
  async #observe(
    key: string,
    cloudJob: CloudJob,
    tracker: JobTracker,
    priority: Priority,
    signal: AbortSignal,
  ): Promise<{ readonly kind: Observation['kind']; readonly current: Written }> {
    // After a failure the credentials may have been renewed.
    const freshness = tracker.history().lastFailure === undefined ? 'known' : 'renewed';
    const observing = this.#observer.observe(key, cloudJob, priority, freshness, signal);
    const writing = isNew(cloudJob)
      ? this.#writeUnlessObserved(cloudJob, tracker, observing, signal)
      : Promise.resolve(cloudJob);
    // Both end with the pass, even if the other one fails; and the result of a call is always kept.
    const [observed, written] = await Promise.allSettled([observing, writing]);
    if (observed.status === 'fulfilled') tracker.observed(cloudJob, observed.value);
    if (written.status === 'rejected') throw written.reason;
    if (observed.status === 'rejected') throw observed.reason;
    return { kind: observed.value.kind, current: written.value };
  }

  async #writeUnlessObserved(
    cloudJob: CloudJob,
    tracker: JobTracker,
    observing: Promise<Observation>,
    signal: AbortSignal,
  ): Promise<Written> {
    const { clock } = this.parts;
    const isQuick = await settlesWithin(clock, FIRST_POLL_MS, Promise.allSettled([observing]), signal);
    if (isQuick || signal.aborted) return cloudJob;
    const waiting = decide(cloudJob, NOTHING, clock.now(), tracker.history());
    return this.#write(cloudJob, tracker, waiting, signal);
  }

  /** Records the transitions, and writes the status if it differs. */
  async #write(
    cloudJob: CloudJob,
    tracker: JobTracker,
    { status, differs, transitions }: Decision,
    signal: AbortSignal,
  ): Promise<Written> {
    const { store, transitions: recorder, clock } = this.parts;
    if (transitions.length > 0) {
      await settlesWithin(clock, RECORD_MS, recorder.record(cloudJob, transitions), signal);
    }
    if (differs) tracker.written.writing(cloudJob, status);
    const stored = differs ? await store.writeStatus(cloudJob, status, signal) : cloudJob;
    if (typeof stored === 'string') return stored;
    if (differs) tracker.written.wrote(stored);
    if (transitions.length > 0) recorder.commit(cloudJob, transitions);
    return stored;
  }

  /** When the key is due again. @param isWaiting whether the reader adds it when it may call */
  async #requeue(
    key: string,
    stored: CloudJob,
    tracker: JobTracker,
    { requeue }: Decision,
    isWaiting: boolean,
    signal: AbortSignal,
  ): Promise<Result> {
    switch (requeue.kind) {
      case 'rest':
        this.parts.reader.forget(key);
        return DONE;
      case 'delete':
        if (requeue.afterMs > 0) return { kind: 'requeue', afterMs: requeue.afterMs };
        await this.parts.store.delete(stored, signal);
        return DONE;
      case 'poll': {
        const afterMs = tracker.nextPollMs(requeue.withinMs);
        if (!isWaiting || afterMs > 0) return { kind: 'requeue', afterMs: Math.max(0, afterMs) };
        // A deadline may be due before there is a slot.
        return requeue.withinMs === Infinity ? DONE : { kind: 'requeue', afterMs: requeue.withinMs };
      }
    }
  }
}

/** Whether the object's first status is still to be written. */
function isNew({ status }: CloudJob): boolean {
  return (status.conditions ?? []).length === 0;
}
