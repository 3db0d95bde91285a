import type { Clock } from '../clock.js';
import type { Probe, ProbeResult } from '../ops/http.js';

/** The state that the probes check; times in milliseconds. */
export interface Progress {
  /** The oldest last activity (an answer or an attempt) of all watches, on the monotonic clock. */
  readonly watchActiveAt: () => number;
  /** How long keys have been due while no key got a worker. */
  readonly queueStuckMs: () => number;
  /** Whether the CloudJobs of each readable namespace are listed. */
  readonly isReady: () => boolean;
  /** By namespace (`*`: all together): why its CloudJobs are not watched at the moment; undefined: they are watched. */
  readonly watchProblems: () => ReadonlyMap<string, string | undefined>;
  readonly isStopping: () => boolean;
}

/**
 * A watch gets a bookmark about every minute, and an unreachable API server is tried again at least every five minutes.
 * After this time something in this process is stuck. An outage of the API server alone never causes a restart.
 */
const WATCH_SILENCE_MS = 600_000;
/** A reconcile is abandoned after 130 s at the latest, so a worker is free again by then. */
const QUEUE_STUCK_MS = 300_000;

const OK: ProbeResult = { ok: true, text: 'ok' };

/** `/healthz` and `/readyz`. */
export function probes(progress: Progress, clock: Clock): ReadonlyMap<string, Probe> {
  function healthz(): ProbeResult {
    if (clock.monotonic() - progress.watchActiveAt() > WATCH_SILENCE_MS) {
      return failed('the watch of CloudJobs is stuck');
    }
    return progress.queueStuckMs() > QUEUE_STUCK_MS ? failed('no CloudJob gets a worker') : OK;
  }

  function readyz(): ProbeResult {
    if (progress.isStopping()) return failed('stopping');
    const problems = [...progress.watchProblems()].flatMap(([namespace, problem]) =>
      problem === undefined ? [] : [`CloudJobs of namespace ${namespace} are not watched: ${problem}`],
    );
    // A replica that waits for the Lease with a warm cache is ready too: a rolling update waits for it.
    if (!progress.isReady()) return failed(['the CloudJobs are not listed yet', ...problems].join('\n'));
    return problems.length === 0 ? OK : { ok: true, text: ['ok', ...problems, ''].join('\n') };
  }

  return new Map([
    ['/healthz', healthz],
    ['/readyz', readyz],
  ]);
}

function failed(problem: string): ProbeResult {
  return { ok: false, text: `${problem}\n` };
}
