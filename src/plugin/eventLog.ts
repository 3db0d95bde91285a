import * as z from 'zod';
import { clean } from './shown.js';

/** The part of an events.k8s.io/v1 Event that is shown. */
const eventSchema = z.object({
  metadata: z.object({ creationTimestamp: z.string().optional() }),
  eventTime: z.string().nullish(),
  series: z.object({ count: z.number(), lastObservedTime: z.string().nullish() }).nullish(),
  deprecatedFirstTimestamp: z.string().nullish(),
  deprecatedLastTimestamp: z.string().nullish(),
  deprecatedCount: z.number().nullish(),
  type: z.string().default(''),
  reason: z.string().default(''),
  note: z.string().default(''),
});

/** An event that happened once or several times. */
export interface LogEntry {
  /** Milliseconds since the epoch: the first time. */
  readonly at: number;
  /** The last time; `at` if it happened once. */
  readonly lastAt: number;
  readonly count: number;
  /** Normal or Warning. */
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

/** The cluster's Events, oldest first, safe for a terminal. Invalid entries and those without a time are left out. */
export function logEntriesOf(events: readonly unknown[]): LogEntry[] {
  return events.flatMap((event) => readEvent(event) ?? []).toSorted((a, b) => a.at - b.at);
}

function readEvent(object: unknown): LogEntry | undefined {
  const event = eventSchema.safeParse(clean(object)).data;
  if (event === undefined) return undefined;
  // Older clients write the deprecated fields, and the API server does not convert them.
  const at = timeOf(event.eventTime, event.deprecatedFirstTimestamp, event.metadata.creationTimestamp);
  if (at === undefined) return undefined;
  const lastAt = timeOf(event.series?.lastObservedTime, event.deprecatedLastTimestamp) ?? at;
  return {
    at,
    lastAt: Math.max(at, lastAt),
    count: Math.max(1, event.series?.count ?? event.deprecatedCount ?? 1),
    type: event.type,
    reason: event.reason,
    note: event.note,
  };
}

/** The first value that is a time. */
function timeOf(...texts: readonly (string | null | undefined)[]): number | undefined {
  for (const text of texts) {
    const time = text === null || text === undefined ? Number.NaN : Date.parse(text);
    if (!Number.isNaN(time)) return time;
  }
  return undefined;
}
