import type { CloudTime } from './time.js';
import type { FaultKind } from './faults.js';

/** The requests to the simulated cloud, and its answers. */
export interface CallCounts {
  readonly total: number;
  /** Requests about jobs; to IAM and the metadata services; and those that followed a redirect. */
  readonly byArea: Readonly<Record<CallArea, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
  /** In the operator's terms: ok, throttled, transient, unauthorized, forbidden, notFound, misconfigured. */
  readonly byClass: Readonly<Record<string, number>>;
  readonly byFault: Readonly<Record<string, number>>;
  /** By job ID; from the 20,001st ID on they are counted as `(others)`. */
  readonly byJob: Readonly<Record<string, number>>;
  /** The most requests in one second of the clock. */
  readonly peakPerSecond: number;
}

export type CallArea = 'jobs' | 'iam' | 'elsewhere';

export interface Call {
  readonly area: CallArea;
  readonly jobID?: string | undefined;
  readonly fault?: FaultKind | undefined;
  readonly status: number;
  /** Whether a 404 is CCE's own, about a job, and not the gateway's. */
  readonly jobUnknown: boolean;
}

const MAX_COUNTED_JOBS = 20_000;

export class Counters {
  readonly #time: CloudTime;
  #total = 0;
  #byArea: Record<CallArea, number> = { jobs: 0, iam: 0, elsewhere: 0 };
  #byStatus = new Map<string, number>();
  #byClass = new Map<string, number>();
  #byFault = new Map<string, number>();
  #byJob = new Map<string, number>();
  #second = { number: 0, calls: 0 };
  #peak = 0;

  constructor(time: CloudTime) {
    this.#time = time;
  }

  count({ area, jobID, fault, status, jobUnknown }: Call): void {
    this.#total += 1;
    this.#byArea[area] += 1;
    increment(this.#byStatus, String(status));
    increment(this.#byClass, classOf(status, jobUnknown));
    if (fault !== undefined) increment(this.#byFault, fault);
    if (jobID !== undefined) {
      const counted = this.#byJob.has(jobID) || this.#byJob.size < MAX_COUNTED_JOBS;
      increment(this.#byJob, counted ? jobID : '(others)');
    }
    const number = Math.floor(this.#time.clock.monotonic() / 1000);
    this.#second = { number, calls: this.#second.number === number ? this.#second.calls + 1 : 1 };
    this.#peak = Math.max(this.#peak, this.#second.calls);
  }

  snapshot(): CallCounts {
    return {
      total: this.#total,
      byArea: { ...this.#byArea },
      byStatus: Object.fromEntries(this.#byStatus),
      byClass: Object.fromEntries(this.#byClass),
      byFault: Object.fromEntries(this.#byFault),
      byJob: Object.fromEntries(this.#byJob),
      peakPerSecond: this.#peak,
    };
  }

  reset(): void {
    this.#total = 0;
    this.#byArea = { jobs: 0, iam: 0, elsewhere: 0 };
    for (const counts of [this.#byStatus, this.#byClass, this.#byFault, this.#byJob]) counts.clear();
    this.#second = { number: 0, calls: 0 };
    this.#peak = 0;
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function classOf(status: number, jobUnknown: boolean): string {
  if (status < 300) return 'ok';
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404 && jobUnknown) return 'notFound';
  if (status === 429) return 'throttled';
  return status >= 500 ? 'transient' : 'misconfigured';
}
