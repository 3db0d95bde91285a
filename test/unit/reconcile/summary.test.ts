import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_SUB_JOBS, statusSchema } from '../../../src/api/cloudjob.js';
import { readJob, type Job } from '../../../src/cloud/job.js';
import { isKnown, summarise } from '../../../src/reconcile/summary.js';
import { job } from '../../support/cloudJobs.js';

function fixture(name: string): Job {
  const file = new URL(`../../fixtures/cce/jobs/${name}.json`, import.meta.url);
  const read = readJob(JSON.parse(readFileSync(file, 'utf8')));
  if (read.kind !== 'job') throw new Error(read.problem);
  return read.job;
}

function leaf(id: string, phase: string | undefined, rest: Partial<Job> = {}): Job {
  return { id, extendParam: {}, subJobs: [], ...(phase !== undefined && { phase }), ...rest };
}

/** Jobs whose sub-jobs are these. */
function jobsOf(subJobs: fc.Arbitrary<Job[]>): fc.Arbitrary<Job> {
  const phase = fc.constantFrom('Initializing', 'Running', 'Success', 'Failed', 'Odd');
  return fc.record({ id: fc.uuid(), phase, extendParam: fc.constant({}), subJobs });
}

const listOf = (jobs: fc.Arbitrary<Job>): fc.Arbitrary<Job[]> =>
  fc.array(jobs, { maxLength: 12, size: 'max' });
const anyJob = jobsOf(listOf(jobsOf(listOf(jobsOf(fc.constant([]))))));

describe('summarise', () => {
  it('summarises the documented example field by field', () => {
    expect(summarise(fixture('documented-create-cluster'))).toEqual({
      phase: 'Running',
      type: 'CreateCluster',
      clusterUID: '4d1ecb2c-229a-11e8-9c75-0255ac100ceb',
      resourceID: '6f4dcb2c-229a-11e8-9c75-0255ac100ceb',
      resourceName: 'cluster-name',
      extendParam: { serverID: 'bc467e3a-2338-11e8-825b-0255ac100c13' },
      progress: {
        total: 2,
        succeeded: 2,
        running: 0,
        initializing: 0,
        failed: 0,
        unknown: 0,
        summary: '2/2',
      },
      subJobs: [
        {
          id: 'fd474f82-9606-11e8-baa8-0255ac10215d',
          parentID: '354331b2c-229a-11e8-9c75-0255ac100ceb',
          type: 'CreatePSMCert',
          phase: 'Success',
          startTime: '2020-02-02T03:52:33Z',
          updateTime: '2020-02-02T03:52:34Z',
        },
        {
          id: 'fd474fab-9606-11e8-baa9-0255ac10215d',
          parentID: '354331b2c-229a-11e8-9c75-0255ac100ceb',
          type: 'InstallMaster',
          phase: 'Success',
          resourceID: 'fd3b4ac0-9606-11e8-baa8-0255ac10215d',
          startTime: '2020-02-02T03:52:34Z',
          updateTime: '2020-02-02T04:05:29Z',
        },
      ],
      startTime: '2020-02-02T08:12:40Z',
      updateTime: '2020-02-02T08:21:50Z',
    });
  });

  it('lists sub-jobs of all levels: failed first, then unfinished, then done', () => {
    const summary = summarise(fixture('v3-nested-failed'));

    expect(summary.subJobs?.map(({ type, phase, parentID }) => [type, phase, parentID])).toEqual([
      ['InstallNode', 'Failed', '7c0b9020-5b1e-11ee-8f41-0255ac1001a4'],
      ['CreateNode', undefined, '7c0a51d2-5b1e-11ee-8f41-0255ac1001a4'],
      ['GetPSMCert', 'Success', '7c0b9020-5b1e-11ee-8f41-0255ac1001a4'],
    ]);
  });

  it('orders sub-jobs of one urgency by start time, then by ID', () => {
    const subJobs = [
      leaf('d', 'Running', { startTime: '2026-01-01T00:00:01Z' }),
      leaf('c', 'Failed'),
      leaf('b', 'Running', { startTime: '2026-01-01T00:00:02Z' }),
      leaf('a', 'Running', { startTime: '2026-01-01T00:00:02Z' }),
      leaf('e', 'Odd'),
    ];

    const summary = summarise(job('Running', { subJobs }));

    expect(summary.subJobs?.map(({ id }) => id)).toEqual(['c', 'd', 'a', 'b', 'e']);
  });

  it('is the same whatever the order in which the cloud lists sub-jobs: a new order is no change', () => {
    const subJob = fc.record({
      id: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
      phase: fc.constantFrom('Success', 'Failed', 'Running', undefined),
      startTime: fc.constantFrom(undefined, '2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z'),
      type: fc.constantFrom('CreateNode', undefined),
    });
    const lists = fc
      .array(subJob, { maxLength: 80 })
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    const summaryOf = (list: readonly object[]) =>
      summarise(
        job('Running', { subJobs: list.map((fields) => ({ extendParam: {}, subJobs: [], ...fields })) }),
      );

    fc.assert(
      fc.property(lists, ([list, shuffled]) => {
        expect(summaryOf(shuffled)).toEqual(summaryOf(list));
      }),
    );
  });

  it('lists at most 64 sub-jobs, counts the others, and leaves out the done ones first', () => {
    const done = Array.from({ length: 80 }, (_, index) => leaf(`done-${index}`, 'Success'));
    const subJobs = [...done, leaf('bad', 'Failed'), leaf('busy', 'Running')];

    const summary = summarise(job('Running', { subJobs }));

    expect(summary.subJobs).toHaveLength(64);
    expect(summary.subJobs?.slice(0, 3).map(({ id }) => id)).toEqual(['bad', 'busy', 'done-0']);
    expect(summary.subJobsOmitted).toBe(18);
    expect(summary.progress).toMatchObject({ total: 82, succeeded: 80, summary: '80/82' });
  });

  it.each([
    [64, undefined],
    [65, 1],
  ])('of %d sub-jobs omits %p', (length, omitted) => {
    const subJobs = Array.from({ length }, (_, index) => leaf(`${index}`, 'Running'));

    expect(summarise(job('Running', { subJobs })).subJobsOmitted).toBe(omitted);
  });

  it.each([
    ['full', 160 * 1024, 5],
    ['short', 32 * 1024, 1],
  ] as const)('that is %s stays below %d bytes, whatever the cloud says', (length, maxBytes, listed) => {
    // What is longest in JSON as Go writes it.
    const word = '<'.repeat(256);
    const text = '&'.repeat(1024);
    const extendParam = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`${index}${word}`, text]),
    );
    const names = { type: word, resourceID: word, resourceName: word, clusterUID: word };
    const long = leaf(word, 'Failed', { ...names, reason: text });
    const short = leaf('a', 'Failed', { reason: 'no node', startTime: '2026-03-01T10:30:00Z' });
    const hostile = { ...long, extendParam, subJobs: [short, ...Array.from({ length: 2_000 }, () => long)] };

    const summary = summarise(hostile, length);

    expect(storedBytes(summary)).toBeLessThan(maxBytes);
    expect(summary.subJobs?.length).toBeGreaterThanOrEqual(listed);
    expect(summary.subJobs?.[0]).toMatchObject({ reason: 'no node' });
    expect(summary.subJobsOmitted).toBe(2_001 - (summary.subJobs?.length ?? 0));
  });

  it('counts the leaves of the tree alone', () => {
    const branch: Job = {
      ...leaf('branch', 'Failed'),
      subJobs: [leaf('a', 'Success'), leaf('b', 'Initializing'), leaf('c', 'Odd'), leaf('d', undefined)],
    };

    expect(summarise(job('Running', { subJobs: [branch, leaf('e', 'running')] })).progress).toEqual({
      total: 5,
      succeeded: 1,
      running: 1,
      initializing: 1,
      failed: 0,
      unknown: 2,
      summary: '1/5',
    });
  });

  it('counts a job without sub-jobs as its own only leaf', () => {
    expect(summarise(job('Success')).progress).toMatchObject({ total: 1, summary: '1/1' });
  });

  it.each([
    ['its completion time where the cloud has one', '2026-03-01T11:00:00Z', 'Failed', '2026-03-01T11:00:00Z'],
    ['its last change where the cloud has none', undefined, 'Success', '2026-03-01T10:30:00Z'],
    ['nothing while it is unfinished', '2026-03-01T11:00:00Z', 'Running', undefined],
  ])('takes as the end of a job %s', (_, completionTime, phase, expected) => {
    const times = { updateTime: '2026-03-01T10:30:00Z', ...(completionTime && { completionTime }) };

    expect(summarise(job(phase, times)).completionTime).toBe(expected);
  });

  it('leaves out what there is nothing to say of', () => {
    const bare: Job = { extendParam: {}, subJobs: [] };

    const summary = summarise(bare);

    expect(Object.keys(summary)).toEqual(['progress']);
    expect(isKnown(summary)).toBe(true);
    expect(isKnown({ type: 'a' })).toBe(false);
  });

  it('always makes a status that the schema takes, and loses count of nothing', () => {
    fc.assert(
      fc.property(anyJob, (any) => {
        const summary = summarise(any);

        expect(statusSchema.safeParse(summary).error?.issues ?? []).toEqual([]);
        const { total = 0, succeeded, running, initializing, failed, unknown } = summary.progress ?? {};
        expect([succeeded, running, initializing, failed, unknown].reduce((a = 0, b = 0) => a + b)).toBe(
          total,
        );
        const nodes = countNodes(any) - 1;
        expect((summary.subJobs ?? []).length + (summary.subJobsOmitted ?? 0)).toBe(nodes);
        expect((summary.subJobs ?? []).length).toBe(Math.min(nodes, MAX_SUB_JOBS));
      }),
    );
  });
});

/** JSON as Go writes it. */
function storedBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value).replaceAll(/[<>&]/g, '\\u003c'));
}

function countNodes(root: Job): number {
  return 1 + root.subJobs.reduce((count, subJob) => count + countNodes(subJob), 0);
}
