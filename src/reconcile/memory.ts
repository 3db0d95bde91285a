import type { CloudJob } from '../api/cloudjob.js';
import { findCondition } from '../api/conditions.js';
import type { Clock } from '../clock.js';
import type { Target } from '../cloud/client.js';
import { lookAgainMs, retryMs, type Polling } from './cadence.js';
import { failureOf, type Failure } from './failure.js';
import type { Finding } from './finding.js';
import { aboutItsJob, isFinished, knownJob, learn } from './known.js';
import { isTerminal } from './phase.js';
import type { SecretFinding } from './ports.js';
import { isSameState, quietMs } from './quiet.js';
import { isRequested, requestedAt } from './request.js';
import { isKnown } from './summary.js';
import type { Priority } from '../priority.js';

/**
 * What the process remembers of one CloudJob between passes. A restart forgets it; what must outlive one is in the
 * status. Instants are on the monotonic clock.
 */
export interface Memory {
  readonly uid: string;
  readonly jobID: string | undefined;
  /** When this process began to remember it. */
  readonly seenAt: number;
  /** When there was a good look last, or following began; undefined: never, time runs from the object's creation. */
  heardAt: number | undefined;
  /** When the job was last seen to change. */
  changedAt: number;
  nextLookAt: number;
  /** The spec that was looked at last. */
  generation: number | undefined;
  /** The spec that was there at start: nobody waits for it more than for all others. */
  readonly generationAtStart: number | undefined;
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
  /** Whether its job is looked at again and again. */
  following: boolean;
  /** How it was asked last. */
  question: Question | undefined;
  /** What the last look was answered with, once all is said of it. */
  settled: Settled | undefined;
}

/** The status says what there is to say: another pass over this object with this answer would change nothing. */
export interface Settled {
  readonly resourceVersion: string | undefined;
  /** Of the cloud's answer. */
  readonly digest: string;
  /** When a deadline falls due, on the monotonic clock. */
  readonly until: number;
}

/** What is asked of whom; good as long as object and Secret are the same. */
export interface Question {
  readonly target: Target;
  readonly secretName: string | undefined;
  readonly secret: SecretFinding | undefined;
  /** `spec.pollIntervalSeconds`. */
  readonly intervalSeconds: number | undefined;
}

export interface MemoriesParts {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly polling: Polling;
}

/** The memories of all CloudJobs, by key, and what follows from them: when the cloud is asked next. */
export class Memories {
  readonly #memories = new Map<string, Memory>();

  constructor(private readonly parts: MemoriesParts) {}

  get(key: string): Memory | undefined {
    return this.#memories.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#memories.keys();
  }

  forget(key: string): void {
    this.#memories.delete(key);
  }

  clear(): void {
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

  /**
   * What is remembered of it, or a new memory: of another object of the same name, or of another job, nothing is.
   *
   * @param priority `low` where it was there at start
   */
  recall(key: string, cloudJob: CloudJob, priority: Priority): Memory {
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
      seenAt: now,
      heardAt: followed || before?.uid === metadata.uid ? now : undefined,
      changedAt,
      nextLookAt: followed ? now + this.#restartSpreadMs(cloudJob, now - changedAt) : now,
      generation: followed ? metadata.generation : undefined,
      generationAtStart: priority === 'low' ? metadata.generation : undefined,
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

  /**
   * Whether the cloud is to be asked in this pass, and how pressing it is.
   *
   * @param hasNews whether it would cost no call
   */
  lookDue(cloudJob: CloudJob, memory: Memory, hasNews: boolean): Priority | undefined {
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
    if (isRequested(cloudJob) && !isAnswered) return 'high';
    if (isFinished(aboutItsJob(cloudJob)) || endsJob(memory.unwritten)) return undefined;
    if (memory.generation !== metadata.generation) {
      return memory.generationAtStart === metadata.generation ? 'low' : 'high';
    }
    return now >= memory.nextLookAt || hasNews ? 'low' : undefined;
  }

  /** Keeps what a look told, and sets the time of the next one. */
  remember(cloudJob: CloudJob, memory: Memory, finding: Finding): void {
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

  /** A look has told what was known already. */
  heardAgain(memory: Memory, intervalSeconds: number | undefined): void {
    const { clock, polling, random } = this.parts;
    const now = clock.monotonic();
    memory.heardAt = now;
    memory.nextLookAt = now + lookAgainMs(now - memory.changedAt, intervalSeconds, polling, random());
  }
}

/** Seconds between two looks, where the spec names them. */
function intervalOf({ spec }: CloudJob): number | undefined {
  return 'problems' in spec ? undefined : spec.pollIntervalSeconds;
}

/** Whether it tells that the job has ended, one way or the other. */
export function endsJob(finding: Finding | undefined): boolean {
  return finding?.kind === 'job' && isTerminal(finding.summary.phase);
}
