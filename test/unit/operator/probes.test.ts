import { describe, expect, it } from '@jest/globals';
import { probes, type Progress } from '../../../src/operator/probes.js';
import { FakeClock } from '../../support/fakeClock.js';

const WELL: Progress = {
  watchActiveAt: () => 0,
  queueStuckMs: () => 0,
  isReady: () => true,
  watchProblems: () => new Map([['*', undefined]]),
  isStopping: () => false,
};
const FORBIDDEN = 'CloudJobs of namespace team-b are not watched: 403 Forbidden\n';
const lost = () =>
  new Map([
    ['team-a', undefined],
    ['team-b', '403 Forbidden'],
  ]);

describe('the probes', () => {
  it.each<[string, string, Partial<Progress>, boolean, string]>([
    ['all is well', '/healthz', {}, true, 'ok'],
    ['all is well', '/readyz', {}, true, 'ok'],
    ['it stops', '/readyz', { isStopping: () => true }, false, 'stopping\n'],
    ['nothing is listed', '/readyz', { isReady: () => false }, false, 'the CloudJobs are not listed yet\n'],
    [
      'nothing can be listed',
      '/readyz',
      { isReady: () => false, watchProblems: lost },
      false,
      `the CloudJobs are not listed yet\n${FORBIDDEN}`,
    ],
    ['one namespace cannot be read', '/readyz', { watchProblems: lost }, true, `ok\n${FORBIDDEN}`],
    ['one namespace cannot be read', '/healthz', { watchProblems: lost }, true, 'ok'],
    [
      'a watch is stuck',
      '/healthz',
      { watchActiveAt: () => -600_001 },
      false,
      'the watch of CloudJobs is stuck\n',
    ],
    [
      'no key gets a worker',
      '/healthz',
      { queueStuckMs: () => 300_001 },
      false,
      'no CloudJob gets a worker\n',
    ],
  ])('when %s: %s', (_, path, progress, ok, text) => {
    const probe = probes({ ...WELL, ...progress }, new FakeClock()).get(path);

    expect(probe?.()).toEqual({ ok, text });
  });
});
