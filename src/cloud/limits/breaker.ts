import type { Clock } from '../../clock.js';

export interface BreakerOptions {
  /** The number of failures in a row that opens it. */
  readonly failures: number;
  /** The same while no call has succeeded yet; left out: `failures`. */
  readonly failuresAtFirst?: number;
  /** How long it is open at first, in milliseconds; it doubles with each probe that fails. */
  readonly openMs: number;
  readonly longestOpenMs: number;
  /**
   * Whether calls under way count as failures until they end, so that there are never more failures in a row than
   * `failures`. `untilItWorks`: not after a call that succeeded.
   */
  readonly countsUnderWay: 'never' | 'untilItWorks' | 'always';
}

/** Why no call may be made now. */
export type Refusal =
  /** For `ms` milliseconds; `by`: the name of the open breaker. */
  | { readonly kind: 'held'; readonly by: string; readonly ms: number }
  /** The calls under way could use up the remaining failures. */
  | { readonly kind: 'busy' };

/** What a call showed about what is guarded; `unclear`: nothing. */
export type Outcome = 'succeeded' | 'failed' | 'unclear';

const JITTER = 0.15;
/** How long to wait while the one probe is under way, in milliseconds. */
const PROBE_MS = 5_000;

/**
 * Circuit breaker of one scope: after failures in a row it lets no call through for a time, then one probe decides.
 *
 * A scope may be part of a wider one: credentials are part of a project, a project of a region. A breaker that opens is one
 * failure of the wider scope; any call that succeeds closes all of them. An open breaker of a wider scope holds back the parts
 * that are not known to work, each once; then each part probes for itself. So no part is held back for long because of others.
 */
export class Breaker {
  /** What failed since the last success: calls, or the scopes within this one. At most `failures` of them. */
  readonly #failed = new Set<object>();
  #underWay = 0;
  #openings = 0;
  #openUntil = -Infinity;
  /** The name of the breaker that opened it; undefined while it is closed. */
  #openedBy: string | undefined;
  #probing = false;
  #works = false;
  #hasWorked = false;

  /** @param name for people */
  constructor(
    readonly name: string,
    private readonly options: BreakerOptions,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly wider?: Breaker,
  ) {}

  /** Why no call may be made now; undefined when one may be made. */
  refusal(): Refusal | undefined {
    if (this.#openedBy === undefined) this.#openWith(this.#openScope());
    if (this.#openedBy !== undefined) {
      const left = this.#openMs;
      if (left > 0) return { kind: 'held', by: this.#openedBy, ms: Math.ceil(left) };
      return this.#probing ? { kind: 'held', by: this.#openedBy, ms: PROBE_MS } : undefined;
    }
    const { countsUnderWay, failures } = this.options;
    const counts = countsUnderWay === 'always' || (countsUnderWay === 'untilItWorks' && !this.#works);
    return counts && this.#failed.size + this.#underWay >= failures ? { kind: 'busy' } : undefined;
  }

  /** Begins a call; only if `refusal` is undefined. The result ends it: call it once. */
  acquire(): (outcome: Outcome) => void {
    const isProbe = this.#openedBy !== undefined;
    this.#probing ||= isProbe;
    this.#underWay += 1;
    return (outcome) => {
      this.#underWay -= 1;
      if (isProbe) this.#probing = false;
      if (outcome === 'succeeded') this.#succeed();
      if (outcome === 'failed') this.#fail({}, isProbe);
    };
  }

  /** Whether it is open: only probes get through. */
  get open(): boolean {
    return this.#openedBy !== undefined;
  }

  /** Whether the last call with a clear result succeeded. */
  get works(): boolean {
    return this.#works;
  }

  /** Whether any call ever succeeded. */
  get hasWorked(): boolean {
    return this.#hasWorked;
  }

  get idle(): boolean {
    return this.#underWay === 0 && this.#openMs <= 0;
  }

  get #openMs(): number {
    return this.#openUntil - this.clock.monotonic();
  }

  /** The scope that holds back the parts of this one. */
  #openScope(): Breaker | undefined {
    if (this.#openedBy !== undefined && this.#openMs > 0) return this;
    return this.#works || this.wider === undefined ? undefined : this.wider.#openScope();
  }

  #openWith(scope: Breaker | undefined): void {
    if (scope === undefined) return;
    this.#openedBy = scope.name;
    this.#openUntil = scope.#openUntil;
  }

  #succeed(): void {
    this.#failed.clear();
    this.#openings = 0;
    this.#openedBy = undefined;
    this.#openUntil = -Infinity;
    this.#works = true;
    this.#hasWorked = true;
    if (this.wider !== undefined) this.wider.#succeed();
  }

  #fail(what: object, isProbe: boolean): void {
    const { failures: later, failuresAtFirst = later, openMs, longestOpenMs } = this.options;
    const failures = this.#hasWorked ? later : failuresAtFirst;
    this.#works = false;
    if (this.#failed.size < failures) this.#failed.add(what);
    // Calls that were under way when it opened show nothing new.
    if (this.#openMs > 0 || (!isProbe && this.#failed.size < failures)) return;
    const ms = Math.min(longestOpenMs, openMs * 2 ** this.#openings);
    this.#openings += 1;
    this.#openedBy = this.name;
    this.#openUntil = this.clock.monotonic() + ms * (1 + JITTER * this.random());
    if (this.wider !== undefined) this.wider.#fail(this, false);
  }
}
