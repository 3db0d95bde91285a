/** Longer waits than this are cut: a mistaken header must not silence the operator for days. */
export const LONGEST_RETRY_AFTER_MS = 3_600_000;

const SECONDS = /^(?:\d{1,15}(?:\.\d{0,18})?|\.\d{1,18})$/;
/** HTTP dates (RFC 9110, 5.6.7): all three forms begin with the name of a day and have a time. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .{1,40}$/;

/**
 * Reads `Retry-After`: whole seconds, seconds with a fraction (`56.818`, seen at CCE's gateway) or an HTTP date.
 * Returns milliseconds, 0 to one hour; a date in the past is 0; undefined for any other text.
 */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  const ms = SECONDS.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - now : NaN;
  return Number.isNaN(ms) ? undefined : Math.ceil(Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS));
}
