import { isDeepStrictEqual } from 'node:util';
import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import type { Clock } from '../clock.js';
import { isEarlierVersion } from '../resourceVersion.js';

/** A status is written at once after a rest, and then no more often than this: the last state is never the one lost. */
const WRITE_EVERY_MS = 1_000;
/** Two that write over each other do so ever more rarely: up to every 32 s. */
const MAX_DOUBLINGS = 5;

/** How a status is stored otherwise than it was written: the API server keeps less of it, or somebody else wrote it. */
export type Alteration = 'pruned' | 'overwritten';

interface Attempt {
  /** As it was written. */
  readonly status: CloudJobStatus;
  /** The version of the object that it was written over. */
  readonly over: string | undefined;
}

interface LastWrite extends Attempt {
  /** The latest version of the object that has it. */
  readonly version: string | undefined;
  /** As it is stored; undefined: not read yet. */
  readonly stored?: CloudJobStatus;
}

/** What became of the status of one CloudJob that this process wrote last. */
export class WrittenStatus {
  readonly #clock: Clock;
  /** On its way; also when its answer was lost, and nobody knows whether it is stored. */
  #attempt: Attempt | undefined;
  #written: LastWrite | undefined;
  #writtenAt = -Infinity;
  #overwrites = 0;
  #isOverwriteReported = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  writing({ metadata }: CloudJob, status: CloudJobStatus): void {
    this.#attempt = { status, over: metadata.resourceVersion };
  }

  /** @param stored the object after the write */
  wrote({ metadata }: CloudJob): void {
    if (this.#attempt !== undefined) {
      this.#written = { ...this.#attempt, version: metadata.resourceVersion };
    }
    this.#attempt = undefined;
    this.#writtenAt = this.#clock.monotonic();
  }

  /**
   * The object with its status as it was written. An API server may store less of it (its CustomResourceDefinition is older
   * than the operator), and to write that again and again would change nothing.
   *
   * @param onAlteration called once for each status that is stored otherwise than it was written
   */
  read(cloudJob: CloudJob, onAlteration: (how: Alteration, fields: readonly string[]) => void): CloudJob {
    this.#settleAttempt(cloudJob);
    const written = this.#written;
    const { status } = cloudJob;
    const { resourceVersion: version } = cloudJob.metadata;
    if (written === undefined) return cloudJob;
    // What was read may be older than what was written.
    const isBefore = version === written.over || isEarlierVersion(version ?? '', written.version ?? '');
    if (isBefore && version !== written.version) return cloudJob;
    const isOwn = version === written.version || isDeepStrictEqual(status, written.stored ?? written.status);
    if (!isOwn) {
      this.#written = undefined;
      this.#overwrites += 1;
      onAlteration('overwritten', differingFields(written.status, status));
      return cloudJob;
    }
    if (status !== written.stored) {
      const fields = differingFields(written.status, status);
      if (written.stored === undefined && fields.length > 0) onAlteration('pruned', fields);
      // Of two that are equal, one is kept in memory.
      this.#written = {
        ...written,
        version,
        stored: status,
        status: fields.length === 0 ? status : written.status,
      };
    }
    return { ...cloudJob, status: this.#written?.status ?? status };
  }

  /** Whether somebody else wrote the status, and no Event says so yet. */
  get isOverwritten(): boolean {
    return this.#overwrites > 0 && !this.#isOverwriteReported;
  }

  /** It is said once of an object: who writes over it does so all the time. */
  overwriteReported(): void {
    this.#isOverwriteReported = this.#overwrites > 0;
  }

  /** Milliseconds until another status may be written; 0 or less: now. */
  get waitMs(): number {
    const everyMs = WRITE_EVERY_MS * 2 ** Math.min(this.#overwrites, MAX_DOUBLINGS);
    return this.#writtenAt + everyMs - this.#clock.monotonic();
  }

  /** A write whose answer was lost is known to have been done when the object shows it. */
  #settleAttempt({ metadata: { resourceVersion: version }, status }: CloudJob): void {
    const attempt = this.#attempt;
    if (attempt === undefined || version === attempt.over) return;
    if (isDeepStrictEqual(status, attempt.status)) this.#written = { ...attempt, version, stored: status };
    this.#attempt = undefined;
  }
}

function differingFields(one: CloudJobStatus, other: CloudJobStatus): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof CloudJobStatus>;
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]));
}
