import { describe, expect, it } from '@jest/globals';
import { isSameState, quietMs } from '../../../src/reconcile/quiet.js';
import { CREATED } from '../../support/cloudJobs.js';

const at = (seconds: number): string => new Date(CREATED + seconds * 1000).toISOString();

describe('quietMs', () => {
  it.each([
    ['since the job changed', { updateTime: at(10) }, 20_000],
    ['since its last sub-job changed', { updateTime: at(10), subJobs: [{ updateTime: at(25) }] }, 5_000],
    ['none without times', { subJobs: [{ type: 'CreateNode' }] }, 0],
    ['none by a cloud whose clock is ahead', { updateTime: at(60) }, 0],
    ['none by a time that is none', { updateTime: 'soon' }, 0],
  ])('is %s', (_, job, expected) => {
    expect(quietMs(job, CREATED + 30_000)).toBe(expected);
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
