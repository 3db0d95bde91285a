import type { JobPlan } from './plan.js';
import { cloudID, hexDigits, pick } from './random.js';
import type { Random } from './random.js';

export interface RandomPlanOptions {
  /** How long the job takes; default 60 to 600. */
  readonly durationSeconds?: number | undefined;
  /** Probability of failure, 0 to 1; default 0.25. */
  readonly failing?: number | undefined;
}

/** The parts of a job of a type. */
interface Shape {
  readonly type: string;
  readonly parts?: readonly Shape[];
  readonly withoutStatus?: boolean;
}

const NODE_PARTS: readonly Shape[] = [
  { type: 'GetPSMCert' },
  { type: 'CreateNodeVM' },
  { type: 'InstallNode' },
];

/** The job types seen on the real service, one to three levels deep. */
const SHAPES: readonly Shape[] = [
  { type: 'CreateCluster', parts: [{ type: 'CreatePSMCert' }, { type: 'InstallMaster' }] },
  {
    type: 'CreateCluster',
    parts: [
      { type: 'CreatePSMCert' },
      { type: 'InstallMaster' },
      { type: 'InstallMaster' },
      { type: 'InstallMaster' },
    ],
  },
  { type: 'ScaleupCluster', parts: [{ type: 'CreateNode', withoutStatus: true, parts: NODE_PARTS }] },
  {
    type: 'ScaleupCluster',
    parts: [
      { type: 'CreateNode', withoutStatus: true, parts: NODE_PARTS },
      { type: 'CreateNode', parts: NODE_PARTS },
    ],
  },
  { type: 'CreateNode', parts: NODE_PARTS },
  { type: 'DeleteNode' },
];

const REASONS = [
  'Failed to create the node VM: flavor c7n.xlarge.2 is sold out in the specified az',
  'Failed to install the node: Internal error. Try again later. If all retries fail, contact technical support.',
  'Insufficient server quota',
  'The subnet has no free IP address',
];

/** A job of a random type that takes a random time and may fail somewhere in its tree. */
export function randomPlan(random: Random, options: RandomPlanOptions = {}): JobPlan {
  const shape = pick(random, SHAPES);
  const leaves = countLeaves(shape);
  const duration = options.durationSeconds ?? Math.round(60 + random() * 540);
  const failingLeaf = random() < (options.failing ?? 0.25) ? Math.floor(random() * leaves) : undefined;
  const draft = new PlanDraft(random, duration / (leaves + 1), failingLeaf);
  return { ...draft.plan(shape), from: round(duration / (leaves + 1) / 2) };
}

function countLeaves({ parts = [] }: Shape): number {
  return parts.length === 0 ? 1 : parts.reduce((sum, part) => sum + countLeaves(part), 0);
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** Gives one step of time to each leaf in turn; after the failing leaf no other begins. */
class PlanDraft {
  readonly #random: Random;
  readonly #step: number;
  readonly #failingLeaf: number | undefined;
  readonly #clusterUID: string;
  readonly #name: string;
  #leaf = 0;

  constructor(random: Random, step: number, failingLeaf: number | undefined) {
    this.#random = random;
    this.#step = step;
    this.#failingLeaf = failingLeaf;
    this.#clusterUID = cloudID(random);
    this.#name = hexDigits(random, 5);
  }

  plan(shape: Shape, isRoot = true): JobPlan {
    const common = {
      id: cloudID(this.#random),
      type: shape.type,
      // A parent may name another cluster than its parts, as in the documented example.
      clusterUID: isRoot && this.#random() < 0.3 ? cloudID(this.#random) : this.#clusterUID,
      ...(isRoot || this.#random() < 0.5 ? { resourceID: cloudID(this.#random) } : {}),
      ...(isRoot
        ? { resourceName: `${shape.type.endsWith('Node') ? 'node' : 'cluster'}-${this.#name}` }
        : {}),
      ...(this.#random() < 0.5 ? { extendParam: { serverID: cloudID(this.#random) } } : {}),
      ...(shape.withoutStatus === true ? { withoutStatus: true } : {}),
    };
    if (shape.parts === undefined) return { ...common, ...this.#leafTimes() };
    const subJobs = shape.parts.map((part) => this.plan(part, false));
    const failed = subJobs.find((subJob) => subJob.outcome === 'Failed');
    return {
      ...common,
      from: Math.min(...subJobs.map((subJob) => subJob.from)),
      to: failed?.to ?? Math.max(...subJobs.map((subJob) => subJob.to)),
      ...(failed === undefined
        ? {}
        : { outcome: 'Failed', reason: 'Something bad happened at server, recycle resource' }),
      subJobs,
    };
  }

  #leafTimes(): Pick<JobPlan, 'from' | 'to' | 'outcome' | 'reason'> {
    const index = this.#leaf;
    this.#leaf += 1;
    const times = { from: round(this.#step * (index + 1)), to: round(this.#step * (index + 2)) };
    return index === this.#failingLeaf
      ? { ...times, outcome: 'Failed', reason: pick(this.#random, REASONS) }
      : times;
  }
}
