import type { Clock } from '../clock.js';
import { RateLimits } from '../rateLimit.js';
import type { SecretReader, SecretResult } from './ports.js';

/** `known`: as read in the last minutes. `renewed`: read again, because the known one may be outdated. */
export type Freshness = 'known' | 'renewed';

/** A Secret that works is read again after this long. */
const FRESH_MS = 300_000;
/** A Secret is read again at most once in this time, for all objects that use it. */
const RENEWED_MS = 1_000;
/** For all Secrets of a namespace together, so that ten thousand wrong ones do not cause a thousand reads a second. */
const RENEWALS = { perSecond: 10, burst: 50 };
const MAX_NAMESPACES = 1_000;
/** The memory for all of them: 10,000 ordinary Secrets, or 900 with the longest tokens. */
const MAX_BYTES = 32 * 1024 * 1024;
/** The memory of the shortest entry. */
const ENTRY_BYTES = 2_048;

interface Entry {
  readonly at: number;
  readonly bytes: number;
  readonly result: Promise<SecretResult>;
}

/**
 * Remembers Secrets for a few minutes, so that a poll does not burden the API server. After a failure a reader requests a
 * renewed one, so that a rotated key works at once and not after minutes. Several readers share one read.
 */
export class SecretCache {
  readonly #entries = new Map<string, Entry>();
  readonly #renewals: RateLimits;
  #bytes = 0;

  constructor(
    private readonly secrets: SecretReader,
    private readonly clock: Clock,
    /** Ends the shared reads, which do not belong to a single reader. */
    private readonly signal: AbortSignal,
  ) {
    this.#renewals = new RateLimits(RENEWALS, MAX_NAMESPACES, clock);
  }

  /** @throws when the API server fails */
  read(namespace: string, name: string, freshness: Freshness): Promise<SecretResult> {
    const key = `${namespace}/${name}`;
    const entry = this.#entries.get(key);
    const ageMs = this.clock.monotonic() - (entry?.at ?? -Infinity);
    if (entry !== undefined && ageMs < FRESH_MS) {
      const isRenewed = freshness === 'renewed' && ageMs >= RENEWED_MS && this.#renewals.take(namespace);
      if (!isRenewed) return entry.result;
    }

    const result = this.secrets.read(namespace, name, this.signal);
    const read = { at: this.clock.monotonic(), bytes: ENTRY_BYTES, result };
    this.#keep(key, read);
    void this.#settle(key, read);
    return result;
  }

  /**
   * If there are too many, the present entries are kept. If each new one replaced an old one, all would be dropped before
   * they are used again.
   */
  #keep(key: string, entry: Entry): void {
    this.#drop(key);
    if (this.#bytes + entry.bytes > MAX_BYTES) this.#dropOld();
    if (this.#bytes + entry.bytes > MAX_BYTES) return;
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  async #settle(key: string, entry: Entry): Promise<void> {
    const isCurrent = (): boolean => this.#entries.get(key) === entry;
    try {
      const result = await entry.result;
      if (!isCurrent()) return;
      // A missing Secret may be created soon.
      const at = result.kind === 'found' ? entry.at : entry.at - FRESH_MS + RENEWED_MS;
      this.#keep(key, { ...entry, at, bytes: ENTRY_BYTES + bytesOf(result) });
    } catch {
      if (isCurrent()) this.#drop(key);
    }
  }

  /** Entries are about in the order in which they were read. */
  #dropOld(): void {
    const now = this.clock.monotonic();
    for (const [key, { at }] of this.#entries) {
      if (now - at < FRESH_MS) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

/** Texts outside ASCII take two bytes for each code unit. */
function bytesOf(result: SecretResult): number {
  return result.kind === 'found' && result.read.ok ? 2 * result.read.size : 0;
}
