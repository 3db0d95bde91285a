import * as z from 'zod';

/** A job, or a part of one, at one moment. A field that is left out is also left out of the answer. */
export interface JobTree {
  readonly id: string;
  readonly type?: string | undefined;
  readonly clusterUID?: string | undefined;
  readonly resourceID?: string | undefined;
  readonly resourceName?: string | undefined;
  readonly extendParam?: Readonly<Record<string, string>> | undefined;
  /** Left out: the answer has no status at all, as real middle levels have none. */
  readonly phase?: string | undefined;
  readonly reason?: string | undefined;
  /** Seconds after the start of the script; default 0. */
  readonly createdAt?: number | undefined;
  /** Seconds after the start of the script; default: when the frame began. */
  readonly updatedAt?: number | undefined;
  readonly subJobs?: readonly JobTree[] | undefined;
}

/** From `at` seconds after the start the job looks like `tree`; with null the cloud no longer knows it. */
export interface JobFrame {
  readonly at: number;
  readonly tree: JobTree | null;
}

export interface JobScript {
  readonly projectID: string;
  /** Of the cluster that the job works on; default Standard. */
  readonly clusterType?: 'Standard' | 'Autopilot' | undefined;
  /** In rising order of `at`; the first one has a tree, and its ID is the job's. Before it the job is unknown. */
  readonly frames: readonly JobFrame[];
}

const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

const treeSchema: z.ZodType<JobTree> = z.strictObject({
  id: idSchema,
  type: z.string().optional(),
  clusterUID: z.string().optional(),
  resourceID: z.string().optional(),
  resourceName: z.string().optional(),
  extendParam: z.record(z.string(), z.string()).optional(),
  phase: z.string().optional(),
  reason: z.string().optional(),
  createdAt: z.number().optional(),
  updatedAt: z.number().optional(),
  get subJobs() {
    return z.array(treeSchema).max(1000).optional();
  },
});

/** A script for the admin API. */
export const scriptSchema: z.ZodType<JobScript> = z
  .strictObject({
    projectID: idSchema,
    clusterType: z.enum(['Standard', 'Autopilot']).optional(),
    frames: z
      .array(z.strictObject({ at: z.number().min(0), tree: treeSchema.nullable() }))
      .min(1)
      .max(1000),
  })
  .refine(({ frames }) => frames[0]?.tree !== null, {
    path: ['frames', 0, 'tree'],
    error: 'must not be null',
  })
  .refine(({ frames }) => frames.every((frame, index) => frame.at >= (frames[index - 1]?.at ?? 0)), {
    path: ['frames'],
    error: 'must be in rising order of at',
  });

/** The ID of the job that a script plays. */
export function scriptID(script: JobScript): string {
  const tree = script.frames[0]?.tree;
  if (tree === null || tree === undefined) throw new RangeError('the first frame of a script needs a tree');
  return tree.id;
}

/** The index in `frames` after that number of seconds; -1 before the first. */
export function frameIndexAt(frames: readonly JobFrame[], seconds: number): number {
  return frames.findLastIndex((frame) => frame.at <= seconds);
}

/** The IDs of a tree, the root's first. */
export function idsOf(tree: JobTree): string[] {
  return [tree.id, ...(tree.subJobs ?? []).flatMap(idsOf)];
}

/** The job with that ID anywhere in the tree. */
export function findInTree(tree: JobTree, id: string): JobTree | undefined {
  if (tree.id === id) return tree;
  for (const subJob of tree.subJobs ?? []) {
    const found = findInTree(subJob, id);
    if (found !== undefined) return found;
  }
  return undefined;
}
