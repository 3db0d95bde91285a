import type { BudgetOptions } from '../../../src/cloud/limits/budget.js';

/** How far rounding to whole milliseconds may reach. */
const ROUNDING_MS = 1;

/** What the calls of one project may be, judged by somebody who sees nothing but the calls and the answers. */
export class CallRules {
  readonly broken: string[] = [];
  calls = 0;
  #tokens: number;
  #filledAt = 0;
  #notBefore = -Infinity;

  constructor(
    private readonly name: string,
    private readonly limit: BudgetOptions,
  ) {
    this.#tokens = limit.burst;
  }

  /**
   * A call begins. A bucket that is never empty below zero says that in every window of time there were at most
   * `burst + rate × length` calls.
   */
  called(at: number): void {
    this.calls += 1;
    const { burst, requestsPerSecond } = this.limit;
    const flowed = ((at - this.#filledAt) / 1000) * requestsPerSecond;
    this.#tokens = Math.min(burst, this.#tokens + flowed) - 1;
    this.#filledAt = at;
    if (this.#tokens < -1e-6)
      this.broken.push(`${this.name}: more calls than its budget at ${at} ms (${this.#tokens})`);
    if (at < this.#notBefore - ROUNDING_MS) {
      this.broken.push(`${this.name}: called at ${at} ms, forbidden before ${this.#notBefore} ms`);
    }
  }

  /** The cloud asked to be left alone. */
  mustWait(until: number): void {
    this.#notBefore = Math.max(this.#notBefore, until);
  }
}
