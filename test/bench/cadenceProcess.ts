import { pollAfterMs } from '../../src/reconcile/schedule.js';
import type { JobFrame } from '../../src/sandbox/cce/script.js';
import { serve } from './child.js';
import { jobIDOf } from './fleet.js';
import { LATENCY_MS } from './virtual/cloud.js';
import { BUDGET, VirtualWorld } from './virtual/world.js';

/** The jobs of one project, that share its budget. */
const JOBS = 10;
/** A job changes after a time between these, in seconds; short ones are as frequent as long ones by the logarithm. */
const GAP_SECONDS = [5, 900] as const;
/** The floor is out of the way, to see what an interval of a second is worth; the rest is the default. */
const POLLING = { minSeconds: 1, maxSeconds: 60 };
const ADAPTIVE = { minSeconds: 4, maxSeconds: 60 };
/** The write itself, and the watch that brings the operator what it wrote before, in milliseconds. */
const CLUSTER_MS = 550;

/** One number for each change, in seconds. */
export interface CadenceDelays {
  readonly delays: readonly number[];
  /** The longest wait between two polls at that time, a turn of every other job of the project, and the answers. */
  readonly bounds: readonly number[];
}

interface Order {
  readonly intervalSeconds?: number;
  readonly hours: number;
  readonly seed: number;
}

serve({
  async delays({ intervalSeconds, hours, seed }: Order): Promise<CadenceDelays> {
    const polling = intervalSeconds === undefined ? ADAPTIVE : POLLING;
    const world = new VirtualWorld(seed, polling);
    const spec = intervalSeconds === undefined ? {} : { pollIntervalSeconds: intervalSeconds };
    const frames = Array.from({ length: JOBS }, (_, index) => framesOf(index, hours * 3600, world.random));
    for (const [index, own] of frames.entries()) world.follow(jobIDOf(index), 'project', own, spec);
    await world.clock.advance(hours * 3_600_000 + 120_000);
    const delays: number[] = [];
    const bounds: number[] = [];
    for (const [index, own] of frames.entries()) {
      const writes = world.cluster.writes.get(jobIDOf(index)) ?? [];
      for (const [number, { at }] of own.entries()) {
        const next = own[number + 1]?.at;
        // Of the first the CloudJob did not know yet, and of one that was overtaken nothing was written.
        const seen = writes.find(({ status }) => status.reason === `change ${number}`);
        if (number === 0 || next === undefined || seen === undefined) continue;
        const quietMs = (at - (own[number - 1]?.at ?? 0)) * 1000;
        const waitMs = pollAfterMs(quietMs, intervalSeconds, polling, 1);
        delays.push(seen.at / 1000 - at);
        bounds.push(
          (waitMs + (JOBS / BUDGET.requestsPerSecond) * 1000 + 2 * LATENCY_MS[1] + CLUSTER_MS) / 1000,
        );
      }
    }
    await world.close();
    return { delays, bounds };
  },
});

/** A running job that says something else at each change. */
function framesOf(index: number, seconds: number, random: () => number): JobFrame[] {
  const frames: JobFrame[] = [];
  const [least, most] = GAP_SECONDS;
  for (let at = 0; at < seconds; at += least * (most / least) ** random()) {
    const reason = `change ${frames.length}`;
    frames.push({ at, tree: { id: jobIDOf(index), type: 'ScaleupCluster', phase: 'Running', reason } });
  }
  return frames;
}
