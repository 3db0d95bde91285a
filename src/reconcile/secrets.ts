import type { Clock } from '../clock.js';
import type { SecretFinding, SecretReader } from './ports.js';

/** A Secret that works is read again after this long. */
const FRESH_MS = 300_000;
/** However many objects ask for a new look at a Secret, the API server is asked no more often than this. */
const RENEWED_MS = 1_000;
/** The most Secrets that are remembered. */
const MAX_ENTRIES = 10_000;

interface Entry {
  readonly at: number;
  readonly finding: Promise<SecretFinding>;
}

/**
 * Remembers Secrets for a few minutes, so that a poll costs the API server nothing. Whoever has reason to doubt what it
 * got asks for a renewed one: a rotated key works at once, not when the memory runs out. Several askers share one read.
 */
export class SecretCache {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly secrets: SecretReader,
    private readonly clock: Clock,
    /** Ends the reads that are shared: none belongs to a single asker. */
    private readonly signal: AbortSignal,
  ) {}

  /** @throws when the API server fails */
  read(namespace: string, name: string, want: 'known' | 'renewed'): Promise<SecretFinding> {
    const key = `${namespace}/${name}`;
    const now = this.clock.monotonic();
    const entry = this.#entries.get(key);
    if (entry !== undefined && now - entry.at < (want === 'known' ? FRESH_MS : RENEWED_MS))
      return entry.finding;

    const finding = this.secrets.read(namespace, name, this.signal);
    this.#entries.delete(key);
    this.#entries.set(key, { at: now, finding });
    this.#bound();
    finding.then(
      // What is missing may be there in a moment.
      ({ kind }) => kind === 'found' || this.#expire(key, finding),
      () => this.#drop(key, finding),
    );
    return finding;
  }

  #expire(key: string, finding: Promise<SecretFinding>): void {
    const entry = this.#entries.get(key);
    if (entry?.finding === finding) this.#entries.set(key, { at: entry.at - FRESH_MS + RENEWED_MS, finding });
  }

  #drop(key: string, finding: Promise<SecretFinding>): void {
    if (this.#entries.get(key)?.finding === finding) this.#entries.delete(key);
  }

  #bound(): void {
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
  }
}
