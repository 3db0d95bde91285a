import { isDeepStrictEqual } from 'node:util';
import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import type { Clock } from '../clock.js';
import { isEarlierVersion } from '../resourceVersion.js';

/** After a rest a status is written at once, then at most once in this time; the last state is always written. */
const WRITE_EVERY_MS = 1_000;
/** If two operators overwrite each other, they do it less and less often: down to once in 32 s. */
const MAX_DOUBLINGS = 5;
/** Of more writes whose results are unknown the earliest is forgotten. */
const MAX_ATTEMPTS = 4;

/** Why a stored status differs from the written one: the API server drops a part, or somebody else wrote it. */
export type Alteration = 'pruned' | 'overwritten';

interface Attempt {
  /** The status as written. */
  readonly status: CloudJobStatus;
  /** The version of the object that it replaced. */
  readonly over: string | undefined;
}

interface LastWrite extends Attempt {
  /** The latest version of the object that has it. */
  readonly version: string | undefined;
  /** The status as stored; undefined: not read yet. */
  readonly stored?: CloudJobStatus;
}

/** The last status of one CloudJob that this process wrote, and how it is stored. */
export class WrittenStatus {
  readonly #clock: Clock;
  /** The write in progress, and before it those whose answers were lost, so that their results are unknown. */
  #attempts: readonly Attempt[] = [];
  #written: LastWrite | undefined;
  #writtenAt = -Infinity;
  #overwrites = 0;
  #isOverwriteReported = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  writing({ metadata }: CloudJob, status: CloudJobStatus): void {
    this.#attempts = [...this.#attempts, { status, over: metadata.resourceVersion }].slice(-MAX_ATTEMPTS);
  }

  /** @param stored the object after the write */
  wrote({ metadata }: CloudJob): void {
    const attempt = this.#attempts.at(-1);
    if (attempt !== undefined) this.#written = { ...attempt, version: metadata.resourceVersion };
    this.#attempts = [];
    this.#writtenAt = this.#clock.monotonic();
  }

  /**
   * The object with its status as written. An API server may store only a part of it (its CustomResourceDefinition is older
   * than the operator); to write it again and again would change nothing.
   *
   * @param onAlteration called once for each stored status that differs from the written one
   */
  read(cloudJob: CloudJob, onAlteration: (how: Alteration, fields: readonly string[]) => void): CloudJob {
    this.#settleAttempts(cloudJob);
    const written = this.#written;
    const { status } = cloudJob;
    const { resourceVersion: version } = cloudJob.metadata;
    if (written === undefined) return cloudJob;
    // The object that was read may be older than the write.
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

  /** Whether somebody else wrote the status and no Event reports it yet. */
  get isOverwritten(): boolean {
    return this.#overwrites > 0 && !this.#isOverwriteReported;
  }

  /** Recorded once for an object: another writer overwrites it again and again. */
  overwriteReported(): void {
    this.#isOverwriteReported = this.#overwrites > 0;
  }

  /** Milliseconds until another status may be written; 0 or less: now. */
  get waitMs(): number {
    const everyMs = WRITE_EVERY_MS * 2 ** Math.min(this.#overwrites, MAX_DOUBLINGS);
    return this.#writtenAt + everyMs - this.#clock.monotonic();
  }

  /** A write whose answer was lost has succeeded if a later version of the object shows it. */
  #settleAttempts({ metadata: { resourceVersion: version }, status }: CloudJob): void {
    const isLater = ({ over }: Attempt): boolean =>
      version !== over && !isEarlierVersion(version ?? '', over ?? '');
    const stored = this.#attempts.findLast(
      (attempt) => isLater(attempt) && isDeepStrictEqual(status, attempt.status),
    );
    if (stored !== undefined) this.#written = { ...stored, version, stored: status };
    this.#attempts = this.#attempts.filter((attempt) => !isLater(attempt));
  }
}

function differingFields(one: CloudJobStatus, other: CloudJobStatus): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof CloudJobStatus>;
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]));
}
