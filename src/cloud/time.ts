/**
 * Go's `time.Time.String()`, which CCE sends (`2020-02-02 08:12:40.672772389 +0000 UTC`): 0 to 9 fraction digits, an
 * offset, a zone name (or the offset again, where the zone has none) and at times a monotonic reading (` m=+0.1`).
 * RFC 3339, which IAM sends, is the same with other punctuation. A time without an offset is UTC.
 */
const TIME =
  /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?: ?(Z|[+-]\d{2}:?\d{2})(?: (?:[A-Z][A-Z/_]{0,31}|[+-]\d{2,4}))?)?(?: m=[+-]\d{1,19}(?:\.\d{1,9})?)?$/i;

const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Milliseconds since the epoch; undefined when it is no text, not a time, not a calendar date, or not in 1970–9999. */
export function parseTime(text: unknown): number | undefined {
  const [, date = '', time = '', offset = 'Z'] = (typeof text === 'string' && TIME.exec(text.trim())) || [];
  const zone = offset.toUpperCase().replace(/^(...)(\d\d)$/, '$1:$2');
  const ms = Date.parse(`${date}T${time}${zone}`);
  // Go writes the year 1 for a time that was never set; nothing in the cloud happened before 1970.
  if (!(ms >= 0 && ms <= LATEST_MS) || time.startsWith('24')) return undefined;
  // `Date.parse` turns the 31st of April into the 1st of May.
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date) ? ms : undefined;
}

/** The time as RFC 3339 in UTC and whole seconds (`2020-02-02T08:12:40Z`), as Kubernetes writes times. */
export function readTime(text: unknown): string | undefined {
  const ms = parseTime(text);
  return ms === undefined ? undefined : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The server's time (header `Date`), in milliseconds since the epoch. */
export function serverTime(headers: Readonly<Record<string, string>>): number | undefined {
  const ms = Date.parse(headers['date'] ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
