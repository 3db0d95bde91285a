import { describe, expect, it } from '@jest/globals';
import { logEntriesOf } from '../../../src/plugin/eventLog.js';
import { listLines } from '../../../src/plugin/view/list.js';
import { logLines } from '../../../src/plugin/view/log.js';
import { makePaint } from '../../../src/terminal/paint.js';
import { after, cloudJob, failed, read } from '../../support/cloudJobs.js';
import { at, NOW } from './support.js';

const plain = makePaint(false);

describe('the list', () => {
  const objects = [
    after(cloudJob({}, { name: 'broken' }), read('Failed', { reason: 'no luck' })),
    after(cloudJob({}, { name: 'locked-out' }), failed('unauthorized', 'wrong token')),
    cloudJob({}, { name: 'fresh' }),
  ];

  it('has a line for each, and an empty cell for what is not known', () => {
    expect(listLines(objects, { withNamespace: true, now: NOW, paint: plain })).toEqual([
      'NAMESPACE  NAME        TYPE        PHASE   PROGRESS  REASON               AGE  MESSAGE',
      'infra      broken      CreateNode  Failed  0/1       JobFailed            5m   CreateNode has failed: no luck',
      'infra      locked-out                                CredentialsRejected  5m   The cloud rejects the credentials; renew them in the Secret (wrong token).',
      'infra      fresh                                                          5m',
    ]);
  });

  it('cuts messages to the terminal, and leaves out the namespace when there is one only', () => {
    expect(
      listLines(objects.slice(1, 2), { withNamespace: false, now: NOW, columns: 80, paint: plain }),
    ).toEqual([
      'NAME        TYPE  PHASE  PROGRESS  REASON               AGE  MESSAGE',
      'locked-out                         CredentialsRejected  5m   The cloud rejects t…',
    ]);
  });

  it('is red where somebody is needed', () => {
    const [, broken] = listLines(objects, { withNamespace: false, now: NOW, paint: makePaint(true) });

    expect(broken).toContain('\u001B[31mJobFailed\u001B[39m');
    expect(broken).toMatch(/^broken {2}/);
  });
});

describe('the history', () => {
  const event = (fields: object) => ({
    metadata: { name: 'e' },
    type: 'Normal',
    reason: 'R',
    note: 'n',
    ...fields,
  });

  it('is oldest first, and counts what repeated itself', () => {
    const events = [
      event({ eventTime: at(60), reason: 'PhaseChanged', note: 'Running now.' }),
      event({
        eventTime: at(30),
        type: 'Warning',
        reason: 'Throttled',
        note: 'Slowing down.',
        series: { count: 7, lastObservedTime: at(90) },
      }),
      event({ eventTime: at(0), reason: 'Observed', note: 'Found.' }),
    ];

    expect(logLines(logEntriesOf(events), plain)).toEqual([
      '2026-03-01T10:00:00Z  Observed      Found.',
      '2026-03-01T10:00:30Z  Throttled     Slowing down. (7 times until 2026-03-01T10:01:30Z)',
      '2026-03-01T10:01:00Z  PhaseChanged  Running now.',
    ]);
  });

  it.each([
    [
      'what old clients write',
      { deprecatedFirstTimestamp: at(5), deprecatedLastTimestamp: at(9), deprecatedCount: 3 },
    ],
    [
      'microseconds',
      { eventTime: at(5).replace('Z', '.000000Z'), series: { count: 3, lastObservedTime: at(9) } },
    ],
    [
      'nulls',
      {
        eventTime: null,
        series: null,
        metadata: { creationTimestamp: at(5) },
        deprecatedCount: 3,
        deprecatedLastTimestamp: at(9),
      },
    ],
  ])('reads %s', (_, fields) => {
    expect(logEntriesOf([event(fields)])).toEqual([
      { at: Date.parse(at(5)), lastAt: Date.parse(at(9)), count: 3, type: 'Normal', reason: 'R', note: 'n' },
    ]);
  });

  it.each([
    ['no object', 7],
    ['no time', event({})],
    ['another type in a field', event({ eventTime: at(0), note: 7 })],
  ])('leaves out what has %s', (_, object) => {
    expect(logEntriesOf([object])).toEqual([]);
  });

  it('is clean, and red for warnings', () => {
    const events = [event({ eventTime: at(0), type: 'Warning', note: 'a\u001B[2Jb\r\nc' })];

    expect(logLines(logEntriesOf(events), makePaint(true))[0]).toContain('\u001B[31mab c\u001B[39m');
  });
});
