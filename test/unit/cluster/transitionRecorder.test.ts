import { expect, it } from '@jest/globals';
import { EventTransitionRecorder } from '../../../src/cluster/transitionRecorder.js';
import type { Transition } from '../../../src/reconcile/transitions.js';
import { cloudJob } from '../../support/cloudJobs.js';

it('logs what needs somebody at warn, with the request ID that no Event has, and the rest at info', async () => {
  const events: unknown[] = [];
  const lines: unknown[] = [];
  const log = (level: string) => (message: string, fields?: object) => lines.push([level, message, fields]);
  const recorder = new EventTransitionRecorder(
    {
      record: (_, details) => Promise.resolve(void events.push(...details)),
      commit: (_, details) => void events.push(...details),
    },
    { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  );
  const stalled: Transition = {
    type: 'Warning',
    reason: 'Stalled',
    message: 'no route',
    key: 'k1',
    requestID: 'r-1',
  };
  const succeeded: Transition = { type: 'Normal', reason: 'Succeeded', message: 'done', key: 'k2' };

  await recorder.record(cloudJob(), [stalled, succeeded]);
  recorder.commit(cloudJob(), [stalled, succeeded]);

  const which = { namespace: 'infra', name: 'scale-up' };
  expect(lines).toEqual([
    [
      'warn',
      'cloud job transition',
      { ...which, type: 'Warning', reason: 'Stalled', detail: 'no route', requestID: 'r-1' },
    ],
    ['info', 'cloud job transition', { ...which, type: 'Normal', reason: 'Succeeded', detail: 'done' }],
  ]);
  expect(events).toHaveLength(4);
  expect(JSON.stringify(events)).not.toContain('r-1');
});
