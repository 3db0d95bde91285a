import type { CloudTime } from './time.js';
import { findInTree, frameIndexAt, idsOf, scriptID } from './script.js';
import type { JobScript, JobTree } from './script.js';
import { jobV2, jobV3 } from './wire.js';

/** The most jobs the simulated cloud holds at once. */
export const MAX_JOBS = 20_000;

/** The result of a read; `earlier` is the same job one frame ago, for answers that go backwards. */
export interface FoundJob {
  readonly isAutopilot: boolean;
  readonly tree: JobTree;
  readonly earlier: JobTree;
  readonly v3: (tree: JobTree) => Record<string, unknown>;
  readonly v2: (tree: JobTree) => Record<string, unknown>;
}

interface PlayedJob {
  readonly script: JobScript;
  /** By the jobs' clock, milliseconds since the epoch. */
  readonly startedAt: number;
}

/** The jobs of the simulated cloud, each playing its script from the moment it was added. */
export class CloudJobs {
  readonly #time: CloudTime;
  readonly #jobs = new Map<string, PlayedJob>();
  /** Sub-jobs can be read by their own IDs, as on the real service. */
  readonly #rootOf = new Map<string, string>();

  constructor(time: CloudTime) {
    this.#time = time;
  }

  /** Starts a script, in place of one with the same ID, and returns that ID. Throws a RangeError when full. */
  add(script: JobScript): string {
    const id = scriptID(script);
    this.remove(id);
    if (this.#jobs.size >= MAX_JOBS) throw new RangeError(`the simulated CCE holds at most ${MAX_JOBS} jobs`);
    this.#jobs.set(id, { script, startedAt: this.#time.jobs() });
    for (const subID of allIDs(script)) this.#rootOf.set(subID, id);
    return id;
  }

  /** Removes a job; false if there was none. */
  remove(id: string): boolean {
    const job = this.#jobs.get(id);
    if (job === undefined) return false;
    for (const subID of allIDs(job.script)) this.#rootOf.delete(subID);
    return this.#jobs.delete(id);
  }

  find(projectID: string, id: string): FoundJob | undefined {
    const job = this.#jobs.get(this.#rootOf.get(id) ?? '');
    if (job === undefined || job.script.projectID !== projectID) return undefined;
    const { frames } = job.script;
    const index = frameIndexAt(frames, this.#secondsSince(job.startedAt));
    const frame = frames[index];
    if (frame?.tree === null || frame === undefined) return undefined;
    const tree = findInTree(frame.tree, id);
    if (tree === undefined) return undefined;
    const before = frames[index - 1]?.tree;
    const at = (seconds: number): number => job.startedAt + seconds * 1000;
    return {
      isAutopilot: job.script.clusterType === 'Autopilot',
      tree,
      earlier: (before && findInTree(before, id)) ?? tree,
      v3: (shown) => jobV3(shown, frame.at, at),
      v2: (shown) => jobV2(shown, frame.at, at),
    };
  }

  /** The jobs of one project, or of all, that the cloud knows now. */
  list(projectID?: string): { readonly projectID: string; readonly job: FoundJob }[] {
    const known = [];
    for (const [id, { script }] of this.#jobs) {
      if (projectID !== undefined && script.projectID !== projectID) continue;
      const job = this.find(script.projectID, id);
      if (job !== undefined) known.push({ projectID: script.projectID, job });
    }
    return known;
  }

  #secondsSince(startedAt: number): number {
    return (this.#time.jobs() - startedAt) / 1000;
  }
}

function allIDs({ frames }: JobScript): Set<string> {
  return new Set(frames.flatMap(({ tree }) => (tree === null ? [] : idsOf(tree))));
}
