import { framesOf } from '../../../src/sandbox/cce/plan.js';
import { randomPlan } from '../../../src/sandbox/cce/randomPlan.js';
import type { JobFrame } from '../../../src/sandbox/cce/script.js';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** What the operator is told of its budgets: per region and project. */
export const BUDGET = { requestsPerSecond: 2, burst: 5 };

/** Instants and lengths are milliseconds since the week began. */
export interface PlannedJob {
  readonly id: string;
  readonly project: Project;
  readonly startsAt: number;
  readonly frames: readonly JobFrame[];
  /** From then on the cloud does not know it any more. */
  readonly vanishesAt: number;
  readonly followers: readonly Follower[];
}

/** A CloudJob; its name is the ID of the job and its number among the job's followers. */
export interface Follower {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly appliedAt: number;
  /** Somebody requests a poll. */
  readonly requestedAt: number | undefined;
  /** `spec.suspend` from when to when. */
  readonly suspended: readonly [number, number] | undefined;
  /** Somebody deletes it, whatever has become of it. */
  readonly deletedAt: number | undefined;
}

export interface Project {
  readonly id: string;
  readonly region: 'north' | 'south';
  readonly family: 'token' | 'accessKey' | 'password';
}

/** While it lasts all of a region answers 503, or nothing at all. */
export interface Outage {
  readonly region: Project['region'];
  readonly from: number;
  readonly to: number;
  readonly kind: 'refuses' | 'silent';
}

/** The project's credentials become others in the cloud, and only later in the Secret. */
export interface Rotation {
  readonly project: Project;
  readonly at: number;
  readonly writtenAt: number;
}

export interface Week {
  readonly lengthMs: number;
  readonly jobs: readonly PlannedJob[];
  readonly outages: readonly Outage[];
  readonly rotations: readonly Rotation[];
}

export const PROJECTS: readonly Project[] = [
  { id: 'north-token', region: 'north', family: 'token' },
  { id: 'north-password', region: 'north', family: 'password' },
  { id: 'south-key', region: 'south', family: 'accessKey' },
  { id: 'south-token', region: 'south', family: 'token' },
];

const SHORTEST_SECONDS = 10;
const LONGEST_SECONDS = 1200;
/** Now and then many are begun at once, as a GitOps tool does: about four of ten jobs. */
const BURSTS = 0.011;
const LARGEST_BURST = 120;

/** A week of `days` with `count` jobs, the same for the same chance. */
export function planWeek(random: () => number, days: number, count: number): Week {
  const lengthMs = days * DAY;
  const jobs: PlannedJob[] = [];
  const between = (low: number, high: number): number => low + random() * (high - low);
  while (jobs.length < count) {
    const size = random() < BURSTS ? Math.ceil(random() * LARGEST_BURST) : 1;
    const together = random() * lengthMs;
    for (let index = 0; index < size && jobs.length < count; index += 1) {
      jobs.push(planJob(random, jobs.length, Math.floor(together + random() * 5_000)));
    }
  }
  const outages = Array.from({ length: 3 * days }, (_, index): Outage => {
    const from = random() * lengthMs;
    const minutes = random() < 0.7 ? between(1, 8) : between(12, 60);
    return {
      region: index % 2 === 0 ? 'north' : 'south',
      from,
      to: from + minutes * 60_000,
      kind: random() < 0.5 ? 'refuses' : 'silent',
    };
  });
  const rotations = Array.from({ length: days }, (_, index): Rotation => {
    const project = PROJECTS[index % PROJECTS.length];
    if (project === undefined) throw new RangeError('there are no projects');
    const at = index * DAY + between(0.1, 0.9) * DAY;
    return { project, at, writtenAt: at + between(0, 20) * 60_000 };
  });
  return { lengthMs, jobs, outages, rotations };
}

function planJob(random: () => number, index: number, startsAt: number): PlannedJob {
  const project = PROJECTS[Math.floor(random() * PROJECTS.length)];
  if (project === undefined) throw new RangeError('there are no projects');
  const durationSeconds = Math.round(SHORTEST_SECONDS * (LONGEST_SECONDS / SHORTEST_SECONDS) ** random());
  const plan = randomPlan(random, { durationSeconds, failing: 0.2 });
  const durationMs = durationSeconds * 1000;
  // The job is known a moment after its ID was given out.
  const appliedAt = startsAt - Math.floor(random() * 4_000) + 1_000;
  const vanishesAt = random() < 0.01 ? startsAt + Math.floor(random() * durationMs) : Infinity;
  const count = random() < 0.03 ? 2 + Math.floor(random() * 3) : 1;
  const followers = Array.from({ length: count }, (_, number): Follower => {
    const at = appliedAt + (number === 0 ? 0 : Math.floor(random() * durationMs));
    const suspendedAt = at + Math.floor(random() * durationMs);
    return {
      name: `job-${index}-${number}`,
      spec: random() < 0.1 ? { ttlSecondsAfterFinished: Math.floor(random() * 7_200) } : {},
      appliedAt: Math.max(0, at),
      requestedAt: random() < 0.03 ? at + Math.floor(random() * durationMs) : undefined,
      suspended: random() < 0.02 ? [suspendedAt, suspendedAt + Math.floor(random() * HOUR)] : undefined,
      // Of a vanished job somebody takes note in the end.
      deletedAt:
        vanishesAt < Infinity
          ? vanishesAt + HOUR
          : random() < 0.02
            ? at + Math.floor(random() * durationMs)
            : undefined,
    };
  });
  return {
    id: `job-${index}`,
    project,
    startsAt,
    frames: framesOf({ ...plan, id: `job-${index}` }),
    vanishesAt,
    followers,
  };
}
