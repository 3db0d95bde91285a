import type { Http, HttpAnswer, HttpRequest } from '../../../src/cloud/http.js';
import type { Clock } from '../../../src/clock.js';
import { frameIndexAt, type JobFrame } from '../../../src/sandbox/cce/script.js';
import { jobV3 } from '../../../src/sandbox/cce/wire.js';

/** An answer takes from the first to the second, in milliseconds. */
export const LATENCY_MS = [20, 320] as const;

export interface VirtualJob {
  /** By the wall clock, in milliseconds. */
  readonly startedAt: number;
  readonly frames: readonly JobFrame[];
  calls: number;
}

/** A cloud in memory that always answers, after a while by the virtual clock, and counts who is asked for. */
export class VirtualCloud implements Http {
  readonly jobs = new Map<string, VirtualJob>();

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {}

  close(): void {}

  start(id: string, frames: readonly JobFrame[]): void {
    this.jobs.set(id, { startedAt: this.clock.now(), frames, calls: 0 });
  }

  async send({ url }: HttpRequest): Promise<HttpAnswer> {
    // As older versions of CCE, which have no list of a project's jobs.
    if (url.pathname.endsWith('/jobs'))
      return { kind: 'answer', status: 404, headers: {}, body: '{"error_code":"APIGW.0101"}' };
    const job = this.jobs.get(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
    if (job === undefined) throw new Error(`a call to ${url.href}`);
    job.calls += 1;
    const [least, most] = LATENCY_MS;
    await this.#pass(least + this.random() * (most - least));
    const frame = job.frames[frameIndexAt(job.frames, (this.clock.now() - job.startedAt) / 1000)];
    if (frame === undefined || frame.tree === null) throw new Error('a job without a beginning');
    const body = jobV3(frame.tree, frame.at, (seconds) => job.startedAt + seconds * 1000);
    return { kind: 'answer', status: 200, headers: {}, body: JSON.stringify(body) };
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.schedule(ms, resolve);
    });
  }
}
