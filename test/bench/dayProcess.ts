import { framesOf } from '../../src/sandbox/cce/plan.js';
import { randomPlan } from '../../src/sandbox/cce/randomPlan.js';
import { usedHeap } from '../support/heap.js';
import { serve } from './child.js';
import { jobIDOf, scriptOf } from './fleet.js';
import { VirtualWorld } from './virtual/world.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MIB = 1024 * 1024;
/** The jobs are spread over that many projects, each with a budget of its own. */
const PROJECTS = 8;
/** A CloudJob of the churn is deleted this long after its job has ended. */
const TTL_SECONDS = 600;

/** One number for each job of the kind. */
export interface JobCounts {
  readonly writes: readonly number[];
  readonly events: readonly number[];
  readonly calls: readonly number[];
}

export interface DayCounts {
  readonly unchanged: JobCounts;
  readonly finished: JobCounts;
  readonly heap: DayHeap;
}

/** What is in use after a collection. */
export interface DayHeap {
  readonly beforeMiB: number;
  readonly afterMiB: number;
}

serve({
  /** The number of jobs that go on all day and of those that have ended, from an hour after they were applied. */
  async idleDay(count: number): Promise<DayCounts> {
    const world = new VirtualWorld(1);
    const running: string[] = [];
    const finished: string[] = [];
    for (let index = 0; index < 2 * count; index += 1) {
      const id = jobIDOf(index);
      const { frames } = scriptOf(index);
      const ends = index % 2 === 0;
      (ends ? finished : running).push(id);
      world.follow(id, projectOf(index), ends ? frames : frames.slice(0, -1));
    }
    await world.clock.advance(HOUR);
    world.forgetCounts();
    const beforeMiB = await heapMiB();
    await world.clock.advance(DAY);
    const afterMiB = await heapMiB();
    const counts = (ids: readonly string[]): JobCounts => ({
      writes: ids.map((id) => world.writesOf(id)),
      events: ids.map((id) => world.events.get(id) ?? 0),
      calls: ids.map((id) => world.cloud.jobs.get(id)?.calls ?? 0),
    });
    const heap = { beforeMiB, afterMiB };
    const result = { unchanged: counts(running), finished: counts(finished), heap };
    await world.close();
    return result;
  },
  /** A day of random jobs, with the heap as it is when the first few of them have gone, and when all have. */
  async churn({ jobs, seed }: { readonly jobs: number; readonly seed: number }): Promise<DayHeap> {
    const world = new VirtualWorld(seed);
    let begun = 0;
    const begin = (count: number, withinMs: number): void => {
      for (let started = 0; started < count; started += 1) {
        world.clock.schedule(world.random() * withinMs, () => {
          begun += 1;
          const id = jobIDOf(begun);
          const durationSeconds = Math.round(10 * 120 ** world.random());
          const plan = { ...randomPlan(world.random, { durationSeconds, failing: 0.2 }), id };
          world.follow(id, projectOf(begun), framesOf(plan), { ttlSecondsAfterFinished: TTL_SECONDS });
        });
      }
    };
    begin(100, HOUR);
    await world.clock.advance(2 * HOUR);
    empty(world);
    const beforeMiB = await heapMiB();
    begin(jobs, DAY);
    await world.clock.advance(DAY + HOUR);
    empty(world);
    const afterMiB = await heapMiB();
    await world.close();
    return { beforeMiB, afterMiB };
  },
});

/** Nothing is left of the jobs but what the operator keeps. */
function empty(world: VirtualWorld): void {
  if (world.cluster.size > 0) throw new Error(`${world.cluster.size} CloudJobs are left`);
  world.forgetCounts();
  world.cloud.jobs.clear();
}

async function heapMiB(): Promise<number> {
  return (await usedHeap()) / MIB;
}

function projectOf(index: number): string {
  return `project-${index % PROJECTS}`;
}
