import { isDeepStrictEqual } from 'node:util';
import { findCondition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { sleep, type Clock } from '../clock.js';
import { Asking, type Asked, type AskingParts } from './asking.js';
import { lookAgainMs, retryMs, type Polling } from './cadence.js';
import { decide, type Decision } from './decide.js';
import { failureOf } from './failure.js';
import type { Finding, History } from './finding.js';
import { aboutItsJob, isFinished, knownJob, learn } from './known.js';
import type { Memory } from './memory.js';
import type { CloudJobStore, Glance, Priority, TransitionSink } from './ports.js';
import { isTerminal } from './phase.js';
import { isSameState, quietMs } from './quiet.js';
import { isRequested, requestedAt } from './request.js';
import { isKnown } from './summary.js';

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

const DONE: Result = { kind: 'done' };
const NOTHING: Finding = { kind: 'none' };

/** What came of asking again: nothing else, or an answer to make something of. */
type Repeated =
  { readonly kind: 'same'; readonly result: Result } | { readonly kind: 'other'; readonly asked: Asked };

export interface ReconcilerParts extends AskingParts {
  readonly store: CloudJobStore;
  readonly transitions: TransitionSink;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly polling: Polling;
}

/** The only shell around `decide`: fetches what it needs to know, and does what it says. */
export class Reconciler {
  readonly #memories = new Map<string, Memory>();

  readonly #asking: Asking;

  constructor(private readonly parts: ReconcilerParts) {
    this.#asking = new Asking(parts);
  }

  /**
   * One pass over one CloudJob.
   *
   * @param key `namespace/name`
   * @throws when the API server fails; the pass is then to be done again, later each time
   */
  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const glance = this.parts.store.glance(key);
    if (glance === undefined || glance.rests) return this.#forget(key);
    const repeated = await this.#repeat(key, glance, signal);
    if (repeated?.kind === 'same') return repeated.result;

    const cloudJob = this.parts.store.get(key);
    if (cloudJob === undefined || cloudJob.metadata.deletionTimestamp !== undefined) return this.#forget(key);
    const memory = this.#recall(key, cloudJob);
    const priority = repeated === undefined ? this.#lookDue(key, cloudJob, memory) : 'poll';
    if (priority === undefined)
      return this.#conclude(key, cloudJob, memory, memory.unwritten ?? NOTHING, false, signal);

    const look = this.#asking.look(key, cloudJob, memory, priority, signal, repeated?.asked);
    // It is awaited below; should the write before that throw, nobody would.
    look.catch(() => undefined);
    let current: CloudJob | 'stale' = cloudJob;
    if (isNew(cloudJob) && !(await settlesWithin(look, FIRST_LOOK_MS, this.parts.clock, signal))) {
      current = await this.#write(cloudJob, memory, this.#decide(cloudJob, memory, NOTHING), signal);
    }
    const finding = await look;
    if (finding.kind !== 'none') {
      this.#remember(cloudJob, memory, finding);
      // A job that has ended stays so, whatever the cloud says later.
      if (!endsJob(memory.unwritten)) memory.unwritten = finding;
    }
    if (current === 'stale') return { kind: 'requeue', afterMs: STALE_RETRY_MS };
    // While somebody waits for an urgent look, an older finding must not pass for its answer.
    const learnt = finding.kind === 'none' && priority === 'urgent' ? undefined : memory.unwritten;
    // An aborted look waits for nobody.
    const isQueued = finding.kind === 'none' && !signal.aborted;
    return this.#conclude(key, current, memory, learnt ?? NOTHING, isQueued, signal);
  }

  /** Gives up all places in the cloud's queues: the CloudJobs are somebody else's from now on. */
  forgetAll(): void {
    for (const key of this.#memories.keys()) this.parts.reader.forget(key);
    this.#memories.clear();
  }

  /** Milliseconds since the last good look at the unfinished job that was not heard of for longest; 0 without one. */
  oldestLookMs(): number {
    const now = this.parts.clock.monotonic();
    let oldest = now;
    for (const { heardAt, following } of this.#memories.values()) {
      if (heardAt !== undefined && following) oldest = Math.min(oldest, heardAt);
    }
    return now - oldest;
  }

  #forget(key: string): Result {
    this.#memories.delete(key);
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
    const { clock, polling, random, reader } = this.parts;
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

    const asked = await this.#asking.again(key, question, signal);
    if (asked === undefined) return undefined;
    if (asked.reading.kind !== 'job' || asked.reading.digest !== settled.digest) {
      return { kind: 'other', asked };
    }
    const heardAt = clock.monotonic();
    memory.heardAt = heardAt;
    memory.nextLookAt =
      heardAt + lookAgainMs(heardAt - memory.changedAt, question.intervalSeconds, polling, random());
    return again(heardAt);
  }

  #recall(key: string, cloudJob: CloudJob): Memory {
    const { metadata, spec, status } = cloudJob;
    const now = this.parts.clock.monotonic();
    const before = this.#memories.get(key);
    if (before?.uid === metadata.uid && before.jobID === spec.jobID) return before;

    const followed =
      isKnown(knownJob(aboutItsJob(cloudJob))) && status.observedGeneration === metadata.generation;
    const changedAt = followed ? now - quietMs(status, this.parts.clock.now()) : now;
    const memory: Memory = {
      uid: metadata.uid,
      jobID: spec.jobID,
      heardAt: followed || before?.uid === metadata.uid ? now : undefined,
      changedAt,
      nextLookAt: followed ? now + this.#restartSpreadMs(cloudJob, now - changedAt) : now,
      generation: followed ? metadata.generation : undefined,
      suspended: false,
      failures: 0,
      lastFailure: undefined,
      unwritten: undefined,
      answered: undefined,
      writtenAt: before?.uid === metadata.uid ? before.writtenAt : -Infinity,
      following: false,
      question: undefined,
      settled: undefined,
    };
    this.#memories.set(key, memory);
    return memory;
  }

  /** After a restart looks go on at the pace that they had: each at a random moment of its interval. */
  #restartSpreadMs(cloudJob: CloudJob, quiet: number): number {
    const { polling, random } = this.parts;
    const interval = lookAgainMs(quiet, intervalOf(cloudJob), polling, 0.5);
    return random() * Math.min(interval, polling.maxSeconds * 1000);
  }

  /** Whether the cloud is to be asked in this pass, and how pressing it is. */
  #lookDue(key: string, cloudJob: CloudJob, memory: Memory): Priority | undefined {
    const { metadata, spec, status } = cloudJob;
    const now = this.parts.clock.monotonic();
    if ('problems' in spec) return undefined;
    if (spec.suspend === true) {
      memory.suspended = true;
      return undefined;
    }
    if (memory.suspended || findCondition(status.conditions, 'Suspended') !== undefined) {
      // Nobody could hear anything while it was suspended.
      memory.suspended = false;
      memory.heardAt = now;
      memory.nextLookAt = now;
    }
    const isAnswered = memory.unwritten !== undefined && memory.answered === requestedAt(cloudJob);
    if (isRequested(cloudJob) && !isAnswered) return 'urgent';
    if (isFinished(aboutItsJob(cloudJob)) || endsJob(memory.unwritten)) return undefined;
    if (memory.generation !== metadata.generation) return 'urgent';
    return now >= memory.nextLookAt || this.parts.reader.hasNews(key) ? 'poll' : undefined;
  }

  /** Keeps what a look told, and sets the time of the next one. */
  #remember(cloudJob: CloudJob, memory: Memory, finding: Finding): void {
    const { clock, polling, random } = this.parts;
    const now = clock.monotonic();
    memory.generation = cloudJob.metadata.generation;
    memory.answered = requestedAt(cloudJob);
    memory.settled = undefined;
    const failure = failureOf(finding);
    if (failure !== undefined) {
      memory.failures += 1;
      const atLeast = finding.kind === 'error' ? finding.error.retryAfterMs : undefined;
      memory.nextLookAt = now + retryMs(failure.retry, memory.failures, atLeast, polling, random());
      return;
    }
    memory.failures = 0;
    if (finding.kind !== 'job') return;
    memory.heardAt = now;
    const before = aboutItsJob(cloudJob);
    if (!isSameState(learn(before, finding), knownJob(before))) memory.changedAt = now;
    memory.nextLookAt = now + lookAgainMs(now - memory.changedAt, intervalOf(cloudJob), polling, random());
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
      await settlesWithin(transitions.announce(cloudJob, events), ANNOUNCE_MS, clock, signal);
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

/** Seconds between two looks, where the spec names them. */
function intervalOf({ spec }: CloudJob): number | undefined {
  return 'problems' in spec ? undefined : spec.pollIntervalSeconds;
}

function endsJob(finding: Finding | undefined): boolean {
  return finding?.kind === 'job' && isTerminal(finding.job.phase);
}

async function settlesWithin(
  work: Promise<unknown>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(clock, ms, AbortSignal.any([signal, timer.signal])).then(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
