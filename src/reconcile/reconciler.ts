import { isDeepStrictEqual } from 'node:util';
import { findCondition } from '../api/conditions.js';
import type { CloudJob } from '../api/cloudjob.js';
import { sleep, type Clock } from '../clock.js';
import { lookAgainMs, retryMs, type Polling } from './cadence.js';
import { decide, type Decision } from './decide.js';
import { failureOf, type Failure } from './failure.js';
import type { Finding, History } from './finding.js';
import { aboutItsJob, isFinished, knownJob, learn } from './known.js';
import type { CloudJobStore, JobReader, Priority, TransitionSink } from './ports.js';
import { isTerminal } from './phase.js';
import { isSameState, quietMs } from './quiet.js';
import { isRequested, requestedAt } from './request.js';
import type { SecretCache } from './secrets.js';
import { isKnown } from './summary.js';
import { resolveOwnTarget, resolveTarget, type Clouds, type Resolution } from './target.js';

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

/**
 * What the process remembers of one CloudJob between passes. A restart forgets it; what must outlive one is in the
 * status. Instants are on the monotonic clock.
 */
interface Memory {
  readonly uid: string;
  readonly jobID: string | undefined;
  /** When there was a good look last, or following began; undefined: never, time runs from the object's creation. */
  heardAt: number | undefined;
  /** When the job was last seen to change. */
  changedAt: number;
  nextLookAt: number;
  /** The spec that was looked at last. */
  generation: number | undefined;
  suspended: boolean;
  /** Failed looks in a row, and how the last one failed. */
  failures: number;
  lastFailure: Failure | undefined;
  /** Learnt, and not yet written: the write lost a race, failed or comes too soon. */
  unwritten: Finding | undefined;
  /** The request for a look that the last look was an answer to. */
  answered: string | undefined;
  /** When the status was written last. */
  writtenAt: number;
}

export interface ReconcilerParts {
  readonly store: CloudJobStore;
  readonly secrets: SecretCache;
  readonly reader: JobReader;
  readonly transitions: TransitionSink;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly clouds: Clouds;
  readonly polling: Polling;
}

/** The only shell around `decide`: fetches what it needs to know, and does what it says. */
export class Reconciler {
  readonly #memories = new Map<string, Memory>();

  constructor(private readonly parts: ReconcilerParts) {}

  /**
   * One pass over one CloudJob.
   *
   * @param key `namespace/name`
   * @throws when the API server fails; the pass is then to be done again, later each time
   */
  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const cloudJob = this.parts.store.get(key);
    if (cloudJob === undefined || cloudJob.metadata.deletionTimestamp !== undefined) {
      this.#memories.delete(key);
      this.parts.reader.forget(key);
      return DONE;
    }
    const memory = this.#recall(key, cloudJob);
    const priority = this.#lookDue(key, cloudJob, memory);
    if (priority === undefined)
      return this.#conclude(key, cloudJob, memory, memory.unwritten ?? NOTHING, false, signal);

    const look = this.#look(key, cloudJob, memory, priority, signal);
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
    for (const [key, { heardAt, suspended }] of this.#memories) {
      const cloudJob = this.parts.store.get(key);
      if (heardAt === undefined || suspended || cloudJob === undefined || isFinished(cloudJob)) continue;
      oldest = Math.min(oldest, heardAt);
    }
    return now - oldest;
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

  async #look(
    key: string,
    cloudJob: CloudJob,
    memory: Memory,
    priority: Priority,
    signal: AbortSignal,
  ): Promise<Finding> {
    const resolved = await this.#resolve(cloudJob, memory.lastFailure === undefined ? 'known' : 'renewed');
    if (resolved.kind !== 'target') return resolved;
    const answer = await this.parts.reader.read(key, resolved.target, priority, signal);
    if (answer.kind === 'waiting') return NOTHING;
    if (
      answer.kind !== 'error' ||
      (answer.error.class !== 'unauthorized' && answer.error.class !== 'forbidden')
    ) {
      return answer;
    }
    // The key may have been rotated since the Secret was read.
    const renewed = await this.#resolve(cloudJob, 'renewed');
    if (renewed.kind !== 'target') return renewed;
    if (renewed.target.authenticator.fingerprint === resolved.target.authenticator.fingerprint) return answer;
    const second = await this.parts.reader.read(key, renewed.target, priority, signal);
    return second.kind === 'waiting' ? NOTHING : second;
  }

  async #resolve(cloudJob: CloudJob, want: 'known' | 'renewed'): Promise<Resolution> {
    const { metadata, spec } = cloudJob;
    const name = 'problems' in spec ? undefined : spec.credentialsRef?.name;
    if (name === undefined) return resolveOwnTarget(cloudJob, this.parts.clouds);
    const secret = await this.parts.secrets.read(metadata.namespace, name, want);
    return resolveTarget(cloudJob, name, secret, this.parts.clouds);
  }

  /** Keeps what a look told, and sets the time of the next one. */
  #remember(cloudJob: CloudJob, memory: Memory, finding: Finding): void {
    const { clock, polling, random } = this.parts;
    const now = clock.monotonic();
    memory.generation = cloudJob.metadata.generation;
    memory.answered = requestedAt(cloudJob);
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
