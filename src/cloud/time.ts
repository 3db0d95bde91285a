/**
 * Go's `time.Time.String()`, which CCE sends (`2020-02-02 08:12:40.672772389 +0000 UTC`): 0 to 9 fraction digits, an
 * offset, a zone name (or the offset again, where the zone has none) and at times a monotonic reading (` m=+0.1`).
 * RFC 3339, which IAM sends, is the same with other punctuation. A time without an offset is UTC.
 */
const TIME =
  /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?: ?(Z|[+-]\d{2}:?\d{2})(?: (?:[A-Z][A-Z/_]{0,31}|[+-]\d{2,4}))?)?(?: m=[+-]\d{1,19}(?:\.\d{1,9})?)?$/i;

const MINUTE_MS = 60_000;
/** Go writes the year 1 for a time that was never set; nothing in the cloud happened before 1970. */
const EARLIEST_MS = 0;
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Milliseconds since the epoch; undefined when the text is not a time, not a calendar date, or not in 1970–9999. */
export function parseTime(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offset = offsetMs(match[8] ?? 'Z');
  if (offset === undefined || hour > 23 || minute > 59 || second > 59) return undefined;
  const midnight = Date.UTC(year, month - 1, day);
  const date = new Date(midnight);
  // `Date.UTC` turns the 31st of April into the 1st of May.
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    return undefined;
  }
  const fraction = Math.trunc(Number(`0.${match[7] ?? '0'}`) * 1000);
  const ms = midnight + ((hour * 60 + minute) * 60 + second) * 1000 + fraction - offset;
  return ms < EARLIEST_MS || ms > LATEST_MS ? undefined : ms;
}

function offsetMs(offset: string): number | undefined {
  if (/^z$/i.test(offset)) return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(-2));
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

/** The time as RFC 3339 in UTC and whole seconds (`2020-02-02T08:12:40Z`), as Kubernetes writes times. */
export function readTime(text: string): string | undefined {
  const ms = parseTime(text);
  return ms === undefined ? undefined : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The server's time (header `Date`), in milliseconds since the epoch. */
export function serverTime(headers: Readonly<Record<string, string>>): number | undefined {
  const ms = Date.parse(headers['date'] ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
