import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attentionOf, byAttention } from '../../../src/plugin/attention.js';
import { outcomeOf } from '../../../src/plugin/outcome.js';
import { leavesOf, treeOf, type SubJobNode } from '../../../src/plugin/subJobTree.js';
import { durationMs } from '../../../src/plugin/times.js';
import { jobJSON } from '../../../src/plugin/view/json.js';
import { after, cloudJob, edited, failed, JOB_ID, job, read, withStatus } from '../../support/cloudJobs.js';
import { at, condition, ended, NOW, seen, sub } from './support.js';

const UNKNOWN_JOB = failed('notFound');
const UNOBSERVED = { unobservedMs: 500_000 };

describe('the outcome', () => {
  it.each([
    ['fresh', cloudJob(), 'pending'],
    ['running', after(cloudJob(), read('Running')), 'pending'],
    ['succeeded', after(cloudJob(), read('Success')), 'succeeded'],
    ['failed', after(cloudJob(), read('Failed')), 'failed'],
    ['failed, and ready all the same', after(cloudJob({ readyWhen: 'Observed' }), read('Failed')), 'failed'],
    ['in trouble that may pass', after(cloudJob(), failed('unauthorized')), 'pending'],
    ['unknown to the cloud', after(cloudJob(), UNKNOWN_JOB, 500, UNOBSERVED), 'unknown'],
    ['suspended', after(cloudJob({ suspend: true }), { kind: 'nothing' }), 'unknown'],
    ['past its deadline', after(cloudJob({ activeDeadlineSeconds: 1 }), read('Running'), 60), 'unknown'],
    ['succeeded, then suspended', edited(after(cloudJob(), read('Success')), { suspend: true }), 'succeeded'],
  ])('of a job that is %s', (_, object, kind) => {
    expect(outcomeOf(object).kind).toBe(kind);
  });

  it('is open again when somebody has just changed the spec of a stalled one', () => {
    expect(outcomeOf(edited(after(cloudJob(), UNKNOWN_JOB, 500, UNOBSERVED), { projectID: 'p1' })).kind).toBe(
      'pending',
    );
  });

  it("is not another job's", () => {
    const done = after(cloudJob(), read('Success'));

    expect(outcomeOf(edited(done, { jobID: 'another' })).kind).toBe('pending');
  });

  it('says why it may never be known', () => {
    expect(outcomeOf(after(cloudJob(), UNKNOWN_JOB, 500, UNOBSERVED))).toMatchObject({
      why: expect.stringMatching(/^Stalled, JobNotFound: The cloud does not know job /),
    });
  });
});

describe('what needs attention', () => {
  it('comes first: stalled and failed, then in trouble, under way, suspended, succeeded; of equals the latest', () => {
    const named = (name: string, object = cloudJob()) => ({
      ...object,
      metadata: { ...object.metadata, name },
    });
    const objects = [
      named('done', after(cloudJob(), read('Success'))),
      named('suspended', after(cloudJob({ suspend: true }), { kind: 'nothing' })),
      named('running', after(cloudJob(), read('Running'))),
      named('trouble', after(cloudJob(), failed('unauthorized'))),
      named('failed-first', after(cloudJob(), read('Failed'), 10)),
      named('lost', after(cloudJob(), UNKNOWN_JOB, 500, UNOBSERVED)),
      named('failed-last', after(cloudJob(), read('Failed'), 900)),
    ];

    expect(byAttention(objects).map((one) => [one.metadata.name, attentionOf(one)])).toEqual([
      ['failed-last', 'needsSomebody'],
      ['lost', 'needsSomebody'],
      ['failed-first', 'needsSomebody'],
      ['trouble', 'inTrouble'],
      ['running', 'underWay'],
      ['suspended', 'suspended'],
      ['done', 'succeeded'],
    ]);
  });
});

function idsOf(nodes: readonly SubJobNode[]): unknown[] {
  return nodes.map(({ subJob, children }) =>
    children.length === 0 ? subJob.id : [subJob.id, ...idsOf(children)],
  );
}

describe('the tree of sub-jobs', () => {
  it.each([
    ['children below their parents', ['b<a', 'a<job', 'c<job'], [['a', 'b'], 'c']],
    ['a missing parent: at the top', ['b<gone', 'a<job'], ['b', 'a']],
    ['a circle: all of it at the top', ['a<b', 'b<a', 'c<a'], [['a', 'c'], 'b']],
    ['its own parent', ['a<a'], ['a']],
    ['an ID twice: the first is the parent', ['a<job', 'a<job', 'b<a'], [['a', 'b'], 'a']],
  ])('with %s', (_, links, tree) => {
    const subJobs = links.map((link) => sub(link.split('<')[0] ?? '', link.split('<')[1] ?? '', 'Running'));

    expect(idsOf(treeOf({ subJobs }))).toEqual(tree);
  });

  it('has every sub-job exactly once, whatever the IDs', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const subJobs = fc.array(fc.record({ id, parentID: id }, { requiredKeys: [] }), { maxLength: 20 });

    fc.assert(
      fc.property(subJobs, (list) => {
        const all = (nodes: readonly SubJobNode[]): unknown[] =>
          nodes.flatMap(({ subJob, children }) => [subJob, ...all(children)]);

        expect(new Set(all(treeOf({ subJobs: list })))).toEqual(new Set(list));
        expect(all(treeOf({ subJobs: list }))).toHaveLength(list.length);
      }),
    );
  });

  it('counts leaves of all levels', () => {
    const [node] = treeOf({
      subJobs: [
        sub('a', '', 'Running'),
        sub('b', 'a', 'Success'),
        sub('c', 'a', 'Running'),
        sub('d', 'c', 'Success'),
      ],
    });

    expect(node && leavesOf(node)).toEqual({ done: 2, total: 2 });
  });
});

describe('durations', () => {
  it.each([
    ['running: until now', { phase: 'Running', startTime: at(0), updateTime: at(10) }, 300_000],
    ['ended: until its end', { phase: 'Failed', startTime: at(0), completionTime: at(20) }, 20_000],
    [
      'ended without an end: its last change',
      { phase: 'Success', startTime: at(0), updateTime: at(10) },
      10_000,
    ],
    ['not begun', { phase: 'Initializing', startTime: at(0) }, undefined],
    ['without a start', { phase: 'Running' }, undefined],
    ['ended, no end known', { phase: 'Success', startTime: at(0) }, undefined],
    ["by a clock ahead of this one's", { phase: 'Running', startTime: at(400) }, 0],
  ])('%s', (_, timed, ms) => {
    expect(durationMs(timed, NOW)).toBe(ms);
  });
});

describe('JSON', () => {
  it('has the outcome, the reasons and the tree', () => {
    const object = after(
      cloudJob(),
      read('Failed', { subJobs: [job('Failed', { id: 's', reason: 'no luck' })] }),
    );

    expect(JSON.parse(JSON.stringify(jobJSON(object)))).toMatchObject({
      namespace: 'infra',
      name: 'scale-up',
      jobID: JOB_ID,
      outcome: 'failed',
      phase: 'Failed',
      ready: 'False',
      readyReason: 'JobFailed',
      subJobs: [{ id: 's', phase: 'Failed', reason: 'no luck' }],
      subJobsOmitted: 0,
    });
  });

  it('says why an outcome is unknown', () => {
    const object = withStatus(cloudJob(), {
      observedGeneration: 1,
      conditions: [condition('Stalled', 'True', 'InvalidSpec')],
    });

    expect(jobJSON(object)).toMatchObject({
      outcome: 'unknown',
      why: 'Stalled, InvalidSpec: InvalidSpec it is',
    });
    expect(jobJSON(seen({ conditions: ended('True') }))).toMatchObject({ outcome: 'succeeded' });
  });
});
