import { describe, expect, it } from '@jest/globals';
import { isSameState, unchangedSince } from '../../../src/reconcile/schedule.js';
import { CREATED } from '../../support/cloudJobs.js';

const at = (seconds: number): string => new Date(CREATED + seconds * 1000).toISOString();

describe('unchangedSince', () => {
  it.each([
    ['when the job changed', { updateTime: at(10) }, 10],
    ['when its last sub-job changed', { updateTime: at(10), subJobs: [{ updateTime: at(25) }] }, 25],
    ['now, without times', { subJobs: [{ type: 'CreateNode' }] }, 30],
    ['now, by a cloud whose clock is ahead', { updateTime: at(60) }, 30],
    ['now, by a time that is none', { updateTime: 'soon' }, 30],
  ])('is %s', (_, job, seconds) => {
    expect(unchangedSince(job, CREATED + 30_000)).toBe(CREATED + seconds * 1000);
  });
});

describe('isSameState', () => {
  const job = {
    phase: 'Running',
    updateTime: at(1),
    subJobs: [{ id: 'a', phase: 'Running', updateTime: at(1) }],
  };

  it('looks past the times of update, those of sub-jobs included', () => {
    const touched = {
      ...job,
      updateTime: at(2),
      subJobs: [{ id: 'a', phase: 'Running', updateTime: at(2) }],
    };

    expect(isSameState(job, touched)).toBe(true);
  });

  it.each([
    ['another phase', { ...job, phase: 'Success' }],
    ['another sub-job', { ...job, subJobs: [{ id: 'b', phase: 'Running', updateTime: at(1) }] }],
    ['a sub-job in another phase', { ...job, subJobs: [{ id: 'a', phase: 'Success', updateTime: at(1) }] }],
    ['no sub-jobs', { phase: 'Running', updateTime: at(1) }],
  ])('sees %s', (_, other) => {
    expect(isSameState(job, other)).toBe(false);
  });
});
