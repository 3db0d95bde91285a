import { isDeepStrictEqual } from 'node:util';
import type { CloudJob } from '../api/cloudjob.js';
import { Asking, type Asked, type AskingParts } from './asking.js';
import { decide, type Decision } from './decide.js';
import { failureOf } from './failure.js';
import type { Finding, History } from './finding.js';
import { endsJob, Memories, type MemoriesParts, type Memory } from './memory.js';
import type { Priority } from '../priority.js';
import type { CloudJobStore, Glance, TransitionSink } from './ports.js';
import { settlesWithin } from '../signals.js';

/** What is to happen with the key after a pass. */
export type Result = { readonly kind: 'done' } | { readonly kind: 'requeue'; readonly afterMs: number };

/** A first look that takes longer than this is told in the status: the object is seen, the cloud is awaited. */
const FIRST_LOOK_MS = 1_000;
/** A pass that lost a race is done again this much later: the watch needs a moment to bring the newer object. */
const STALE_RETRY_MS = 100;
/** A status is written at once after a rest, and then no more often than this: the last state is never the one lost. */
const WRITE_EVERY_MS = 1_000;
/** The status waits no longer than this for its events to be stored. */
const ANNOUNCE_MS = 1_000;
/** Whoever waits for the list of a project's jobs is woken when it is there; by then it is there or has failed. */
const LISTED_MS = 30_000;

const DONE: Result = { kind: 'done' };
const NOTHING: Finding = { kind: 'none' };

/** What came of asking again: nothing else, or an answer to make something of. */
type Repeated =
  { readonly kind: 'same'; readonly result: Result } | { readonly kind: 'other'; readonly asked: Asked };

export interface Pass {
  /** `low` for what was there at start, and for what is merely due. */
  readonly priority: Priority;
  readonly signal: AbortSignal;
}

export interface ReconcilerParts extends AskingParts, MemoriesParts {
  readonly store: CloudJobStore;
  readonly transitions: TransitionSink;
}

/** The only shell around `decide`: fetches what it needs to know, and does what it says. */
export class Reconciler {
  readonly #memories: Memories;
  readonly #asking: Asking;

  constructor(private readonly parts: ReconcilerParts) {
    this.#memories = new Memories(parts);
    this.#asking = new Asking(parts);
  }

  /**
   * One pass over one CloudJob.
   *
   * @param key `namespace/name`
   * @throws when the API server fails; the pass is then to be done again, later each time
   */
  async reconcile(key: string, { priority: workPriority, signal }: Pass): Promise<Result> {
    const glance = this.parts.store.glance(key);
    if (glance === undefined || glance.rests) return this.#forget(key);
    const repeated = await this.#repeat(key, glance, signal);
    if (repeated?.kind === 'same') return repeated.result;

    const cloudJob = this.parts.store.get(key);
    if (cloudJob === undefined || cloudJob.metadata.deletionTimestamp !== undefined) return this.#forget(key);
    const memory = this.#memories.recall(key, cloudJob, workPriority);
    const priority =
      repeated === undefined
        ? this.#memories.lookDue(cloudJob, memory, this.parts.reader.hasNews(key))
        : 'low';
    if (priority === undefined)
      return this.#conclude(key, cloudJob, memory, memory.unwritten ?? NOTHING, false, signal);

    const look = this.#asking.look(key, cloudJob, memory, priority, signal, repeated?.asked);
    // It is awaited below; should the write before that throw, nobody would.
    look.catch(() => undefined);
    let current: CloudJob | 'stale' = cloudJob;
    if (isNew(cloudJob) && !(await settlesWithin(this.parts.clock, FIRST_LOOK_MS, look, signal))) {
      current = await this.#write(cloudJob, memory, this.#decide(cloudJob, memory, NOTHING), signal);
    }
    const finding = await look;
    if (finding.kind !== 'none') {
      this.#memories.remember(cloudJob, memory, finding);
      // A job that has ended stays so, whatever the cloud says later.
      if (!endsJob(memory.unwritten)) memory.unwritten = finding;
    }
    if (current === 'stale') return { kind: 'requeue', afterMs: STALE_RETRY_MS };
    // While somebody waits for an urgent look, an older finding must not pass for its answer.
    const learnt = finding.kind === 'none' && priority === 'high' ? undefined : memory.unwritten;
    // An aborted look waits for nobody.
    const isQueued = finding.kind === 'none' && !signal.aborted;
    const patienceMs = memory.seenAt + FIRST_LOOK_MS - this.parts.clock.monotonic();
    // Its turn may come in a moment, and no second status could be written so soon.
    if (isQueued && isNew(current) && patienceMs > 0) return { kind: 'requeue', afterMs: patienceMs };
    return this.#conclude(key, current, memory, learnt ?? NOTHING, isQueued, signal);
  }

  /** Milliseconds since the last good look at the unfinished job that was not heard of for longest; 0 without one. */
  oldestLookMs(): number {
    return this.#memories.oldestLookMs();
  }

  /** Gives up all places in the cloud's queues: the CloudJobs are somebody else's from now on. */
  forgetAll(): void {
    for (const key of this.#memories.keys()) this.parts.reader.forget(key);
    this.#memories.clear();
  }

  #forget(key: string): Result {
    this.#memories.forget(key);
    this.parts.reader.forget(key);
    return DONE;
  }

  /**
   * Asks again what was asked before about the very same object, if it is time to. Where the answer is the same, too, the
   * pass is over, and has cost little more than the call.
   *
   * @returns undefined when the object has to be read
   */
  async #repeat(key: string, glance: Glance, signal: AbortSignal): Promise<Repeated | undefined> {
    const { clock, reader } = this.parts;
    const memory = this.#memories.get(key);
    const { settled, question } = memory ?? {};
    if (memory === undefined || settled?.resourceVersion !== glance.resourceVersion) return undefined;
    const now = clock.monotonic();
    if (question === undefined || now >= settled.until) return undefined;
    const again = (at: number): Repeated => {
      const afterMs = Math.min(memory.nextLookAt, settled.until) - at;
      return { kind: 'same', result: { kind: 'requeue', afterMs } };
    };
    if (now < memory.nextLookAt && !reader.hasNews(key)) return again(now);

    const asked = await this.#asking.again(key, question, settled.digest, signal);
    if (asked === undefined) return undefined;
    if (asked === 'waiting') {
      const afterMs = Math.min(LISTED_MS, settled.until - clock.monotonic());
      return { kind: 'same', result: { kind: 'requeue', afterMs } };
    }
    if (asked !== 'unchanged' && (asked.reading.kind !== 'job' || asked.reading.digest !== settled.digest)) {
      return { kind: 'other', asked };
    }
    this.#memories.heardAgain(memory, question.intervalSeconds);
    return again(clock.monotonic());
  }

  #decide(cloudJob: CloudJob, memory: Memory, finding: Finding): Decision {
    const { clock } = this.parts;
    const silentMs =
      memory.heardAt === undefined
        ? clock.now() - Date.parse(cloudJob.metadata.creationTimestamp)
        : clock.monotonic() - memory.heardAt;
    const history: History = { silentMs, lastFailure: memory.lastFailure };
    return decide(cloudJob, finding, clock.now(), history);
  }

  /**
   * Writes what was decided, tells what happened, and says when to come back.
   *
   * @param isQueued whether the reader adds the key when it is its turn to look
   */
  async #conclude(
    key: string,
    cloudJob: CloudJob,
    memory: Memory,
    finding: Finding,
    isQueued: boolean,
    signal: AbortSignal,
  ): Promise<Result> {
    const decision = this.#decide(cloudJob, memory, finding);
    const tooSoonMs = memory.writtenAt + WRITE_EVERY_MS - this.parts.clock.monotonic();
    if (tooSoonMs > 0 && !isDeepStrictEqual(decision.status, cloudJob.status)) {
      return { kind: 'requeue', afterMs: tooSoonMs };
    }
    const stored = await this.#write(cloudJob, memory, decision, signal);
    if (stored === 'stale') return { kind: 'requeue', afterMs: STALE_RETRY_MS };
    if (finding.kind !== 'none') {
      memory.lastFailure = failureOf(finding);
      memory.unwritten = undefined;
    }

    const { next } = decision;
    const now = this.parts.clock.monotonic();
    memory.following = next.kind === 'look';
    if (next.kind === 'look' && finding.kind === 'job' && finding.digest !== undefined) {
      const { resourceVersion } = stored.metadata;
      memory.settled = { resourceVersion, digest: finding.digest, until: now + next.withinMs };
    }
    switch (next.kind) {
      case 'rest':
        this.parts.reader.forget(key);
        return DONE;
      case 'delete':
        if (next.afterMs > 0) return { kind: 'requeue', afterMs: next.afterMs };
        await this.parts.store.delete(stored, signal);
        return DONE;
      case 'look':
        memory.nextLookAt = Math.min(memory.nextLookAt, now + next.withinMs);
        // A deadline may fall due before it is the key's turn.
        if (isQueued && memory.nextLookAt <= now) {
          return next.withinMs === Infinity ? DONE : { kind: 'requeue', afterMs: next.withinMs };
        }
        // The look may have fallen due while the status was being written.
        return { kind: 'requeue', afterMs: Math.max(0, memory.nextLookAt - now) };
    }
  }

  /** Tells what happens, and writes the status if it is another one. */
  async #write(
    cloudJob: CloudJob,
    memory: Memory,
    { status, events }: Decision,
    signal: AbortSignal,
  ): Promise<CloudJob | 'stale'> {
    const { store, transitions, clock } = this.parts;
    if (events.length > 0) {
      await settlesWithin(clock, ANNOUNCE_MS, transitions.announce(cloudJob, events), signal);
    }
    let stored: CloudJob | 'stale' = cloudJob;
    if (!isDeepStrictEqual(status, cloudJob.status)) {
      stored = await store.writeStatus(cloudJob, status, signal);
      if (stored !== 'stale') memory.writtenAt = clock.monotonic();
    }
    if (stored !== 'stale' && events.length > 0) transitions.confirm(cloudJob, events);
    return stored;
  }
}

/** Whether the object's first status is still to be written. */
function isNew({ status }: CloudJob): boolean {
  return (status.conditions ?? []).length === 0;
}
