/** Exponential backoff: the first wait is up to `baseMs`, each further one up to twice as long, at most `maxMs`. */
export interface Backoff {
  /** Milliseconds, above 0. */
  readonly baseMs: number;
  /** Milliseconds, at least `baseMs`. */
  readonly maxMs: number;
}

/**
 * How long to wait after the given number of failures in a row (1 or more), in milliseconds. The upper half of the
 * wait is random, so that callers that failed together do not retry together.
 *
 * @param random returns 0 up to, not including, 1
 */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: () => number): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 60));
  return full * (0.5 + random() / 2);
}
