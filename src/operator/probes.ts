import type { Clock } from '../clock.js';
import type { Probe } from '../ops/http.js';

/** What the probes go by; times in milliseconds. */
export interface Progress {
  /** When the quietest of the watches last had an answer or tried to have one, on the monotonic clock. */
  readonly watchActiveAt: () => number;
  /** For how long keys have been due without any key getting a worker. */
  readonly queueStuckMs: () => number;
  /** Whether the CloudJobs are listed. */
  readonly isSynced: () => boolean;
  readonly isStopping: () => boolean;
}

/**
 * A watch has a bookmark about every minute, and an API server that is away is tried again at least every five: after
 * this long something in this process is stuck. An outage alone, however long, is no reason to be restarted.
 */
const WATCH_SILENCE_MS = 600_000;
/** A reconcile is left behind after 130 s at the latest, so a worker is free again by then. */
const QUEUE_STUCK_MS = 300_000;

/** `/healthz` and `/readyz`: what is wrong, in a line for people, or undefined. */
export function probes(progress: Progress, clock: Clock): ReadonlyMap<string, Probe> {
  function healthz(): string | undefined {
    if (clock.monotonic() - progress.watchActiveAt() > WATCH_SILENCE_MS) {
      return 'the watch of CloudJobs is stuck\n';
    }
    return progress.queueStuckMs() > QUEUE_STUCK_MS ? 'no CloudJob gets a worker\n' : undefined;
  }

  function readyz(): string | undefined {
    if (progress.isStopping()) return 'stopping\n';
    // A replica that waits for the Lease with a warm cache is ready, too: a rolling update waits for it.
    return progress.isSynced() ? undefined : 'the CloudJobs are not listed yet\n';
  }

  return new Map([
    ['/healthz', healthz],
    ['/readyz', readyz],
  ]);
}
