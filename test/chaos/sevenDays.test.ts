import { beforeAll, describe, expect, it } from '@jest/globals';
import process from 'node:process';
import { readCloudJob, type CloudJobStatus } from '../../src/api/cloudjob.js';
import { findCondition } from '../../src/api/conditions.js';
import { FakeClock } from '../support/fakeClock.js';
import { quickRandom } from '../support/seed.js';
import { WeekCloud } from '../support/week/cloud.js';
import { WeekCluster } from '../support/week/cluster.js';
import { reportedByStatus, reportedByTree } from '../support/week/meaning.js';
import { makeOperator } from '../support/week/operator.js';
import { DAY, HOUR, planWeek, PROJECTS, type Follower, type PlannedJob } from '../support/week/plan.js';

const DAYS = 7;
/** CLOUDJOB_CHAOS_RUNS=10 is the whole week: ten thousand jobs. */
const JOBS = Math.ceil(1_000 * Number(process.env['CLOUDJOB_CHAOS_RUNS'] ?? 1));
/** What a job that the cloud has forgotten may say: that, how it had ended, or why nobody can know just now. */
const OF_VANISHED = new Set([
  'JobVanished',
  'JobNotFound',
  'JobSucceeded',
  'JobFailed',
  'Suspended',
  'CloudUnavailable',
  'CloudThrottled',
  'CredentialsRejected',
]);
/** One week unless another is asked for: it is the same each time, on every machine. */
const seed = Number(process.env['CLOUDJOB_CHAOS_SEED'] ?? 11);

describe(`${DAYS} days with ${JOBS} jobs (seed ${seed})`, () => {
  const random = quickRandom(seed);
  const clock = new FakeClock('2026-03-02T00:00:00Z');
  const week = planWeek(random, DAYS, JOBS);
  const cloud = new WeekCloud(clock, random, week, clock.now());
  const cluster = new WeekCluster(clock, random, (name) => {
    const project = PROJECTS.find(({ id }) => id === name);
    return project === undefined ? {} : cloud.credentials(project, true);
  });
  const operator = makeOperator(clock, random, cluster, cloud);
  /** How vanished jobs stood just before somebody deleted their CloudJobs. */
  const vanished = new Map<string, CloudJobStatus>();
  const followers = week.jobs.flatMap((job) => job.followers.map((follower) => ({ job, follower })));

  beforeAll(async () => {
    for (const { job, follower } of followers) schedule(job, follower);
    void operator.controller.run(new AbortController().signal, new AbortController().signal);
    await clock.advance(DAYS * DAY + 12 * HOUR);
  }, 1_800_000);

  function schedule({ id, project, vanishesAt }: PlannedJob, follower: Follower): void {
    const { name, spec, appliedAt, requestedAt, suspended, deletedAt } = follower;
    clock.schedule(appliedAt, () =>
      cluster.create(name, {
        jobID: id,
        projectID: project.id,
        region: project.region,
        credentialsRef: { name: project.id },
        ...spec,
      }),
    );
    if (requestedAt !== undefined) {
      clock.schedule(requestedAt, () => cluster.annotate(name, { 'cloudjob.dev/requestedAt': 'now' }));
    }
    if (suspended !== undefined) {
      clock.schedule(suspended[0], () => cluster.edit(name, { suspend: true }));
      clock.schedule(suspended[1], () => cluster.edit(name, { suspend: false }));
    }
    if (deletedAt === undefined) return;
    clock.schedule(deletedAt, () => {
      const object = cluster.object(name);
      if (object !== undefined && vanishesAt < Infinity) vanished.set(name, readCloudJob(object).status);
      cluster.remove(name);
    });
  }

  it('calls the cloud within its budgets at every instant, and never before it may', () => {
    for (const { broken, calls } of cloud.rules.values()) {
      expect(broken.slice(0, 5)).toEqual([]);
      expect(calls).toBeGreaterThan(0);
    }
    expect(cloud.broken.slice(0, 5)).toEqual([]);
    expect(cloud.answers.get(429)).toBeGreaterThan(0);
    expect(cloud.answers.get(503)).toBeGreaterThan(0);
  });

  it('writes a status for each change and for nothing else', () => {
    const wrong = [...cluster.broken];
    let compared = 0;
    for (const { job, follower } of followers) {
      if (!isUndisturbed(job, follower)) continue;
      const reported = (cloud.reported.get(job.id) ?? []).map(({ what }) => what);
      const written = changesOf((cluster.writes.get(follower.name) ?? []).map(({ status }) => status));
      compared += 1;
      if (JSON.stringify(reported) !== JSON.stringify(written)) {
        wrong.push(`${follower.name}: reported ${reported.join(' > ')}, written ${written.join(' > ')}`);
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(compared).toBeGreaterThan(JOBS / 2);
  });

  it('writes only what the cloud reported where no poll failed', () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const { job, follower } of followers) {
      if (!isUndisturbed(job, follower) || cloud.failedPolls.has(job.id)) continue;
      const writes = cluster.writes.get(follower.name) ?? [];
      const reported = cloud.reported.get(job.id) ?? [];
      const firstWaits = writes[0] !== undefined && reportedByStatus(writes[0].status) === undefined ? 1 : 0;
      compared += 1;
      const isNear = (from: number, to: number): boolean =>
        from < job.startsAt + 2 * HOUR && to + HOUR > job.startsAt;
      // An outage of the region, and a password that IAM does not take, are reported without a poll, and again when they are over.
      const isTroubled =
        week.outages.some(({ region, from, to }) => region === job.project.region && isNear(from, to)) ||
        week.rotations.some(({ project, at, writtenAt }) => project === job.project && isNear(at, writtenAt));
      const most = reported.length + firstWaits + (isTroubled ? 4 : 0);
      if (writes.length < reported.length || writes.length > most) {
        const messages = writes.map(({ status }) => status.message).join(' > ');
        wrong.push(`${follower.name}: ${writes.length} writes for ${reported.length} changes: ${messages}`);
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(compared).toBeGreaterThan(JOBS / 20);
  });

  it('ends every job where the cloud did', () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const { job, follower } of followers) {
      const object = cluster.object(follower.name);
      const tree = cloud.lastTree(job);
      if (object === undefined || tree === undefined) continue;
      const { status } = readCloudJob(object);
      const isFinished = findCondition(status.conditions, 'Finished')?.status === 'True';
      compared += 1;
      if (!isFinished || reportedByStatus(status) !== reportedByTree(tree)) {
        wrong.push(`${follower.name}: ${JSON.stringify(status)}`);
      }
    }
    for (const [name, { conditions }] of vanished) {
      const reason = findCondition(conditions, 'Ready')?.reason ?? '';
      if (!OF_VANISHED.has(reason)) {
        wrong.push(`${name} vanished and is ${reason}`);
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(compared).toBeGreaterThan(JOBS / 2);
  });

  it('keeps nothing of CloudJobs that are gone', async () => {
    for (const name of cluster.names()) cluster.remove(name);
    await clock.advance(HOUR);

    const { queue, reader } = operator;
    expect([queue.depth, queue.delayed, queue.stats().processing]).toEqual([0, 0, 0]);
    expect([...reader.regions().values()].map(({ waiting }) => waiting)).toEqual([0, 0]);
    expect(clock.pending).toBe(0);
  });

  /** Nobody but the cloud had a part in what its status said. */
  function isUndisturbed(job: PlannedJob, follower: Follower): boolean {
    const { name, requestedAt, suspended, deletedAt } = follower;
    return (
      job.followers.length === 1 &&
      !cluster.troubled.has(name) &&
      [requestedAt, suspended, deletedAt].every((event) => event === undefined)
    );
  }
});

/** What statuses told of a job, one after the other, each once. */
function changesOf(statuses: readonly CloudJobStatus[]): string[] {
  const changes: string[] = [];
  for (const status of statuses) {
    const reported = reportedByStatus(status);
    if (reported !== undefined && reported !== changes.at(-1)) changes.push(reported);
  }
  return changes;
}
