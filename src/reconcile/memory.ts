import type { Target } from '../cloud/client.js';
import type { Failure } from './failure.js';
import type { Finding } from './finding.js';
import type { SecretFinding } from './ports.js';

/**
 * What the process remembers of one CloudJob between passes. A restart forgets it; what must outlive one is in the
 * status. Instants are on the monotonic clock.
 */
export interface Memory {
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
