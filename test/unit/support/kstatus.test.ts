import { describe, expect, it } from '@jest/globals';
import { kstatus, type KStatus, type KubernetesObject } from '../../support/kstatus.js';

/** `Ready=True Stalled=False` as conditions, in that order. */
function conditions(text: string) {
  return text.split(' ').map((pair) => {
    const [type = '', status = ''] = pair.split('=');
    return { type, status };
  });
}

const third = { generation: 3 };
const about = (text: string, observedGeneration = 3) => ({
  observedGeneration,
  conditions: conditions(text),
});

describe('kstatus', () => {
  it.each<[string, KubernetesObject, KStatus]>([
    ['an object without a status is done', { metadata: third }, 'Current'],
    ['an empty status is done', { metadata: third, status: {} }, 'Current'],
    [
      "the CRD's default status is not done",
      { metadata: third, status: { observedGeneration: -1 } },
      'InProgress',
    ],
    ['the right generation alone is done', { metadata: third, status: { observedGeneration: 3 } }, 'Current'],
    ['unknown readiness is not done', { metadata: third, status: about('Ready=Unknown') }, 'InProgress'],
    ['Ready=False is not a failure', { metadata: third, status: about('Ready=False') }, 'InProgress'],
    ['readiness is done', { metadata: third, status: about('Ready=True') }, 'Current'],
    ['readiness of an older spec is not', { metadata: third, status: about('Ready=True', 2) }, 'InProgress'],
    ['neither is that of a newer one', { metadata: third, status: about('Ready=True', 4) }, 'InProgress'],
    [
      "a condition's own generation plays no part",
      {
        metadata: third,
        status: { conditions: [{ type: 'Ready', status: 'True', observedGeneration: 1 } as never] },
      },
      'Current',
    ],
    [
      'an object without a generation has no old status',
      { metadata: {}, status: about('Ready=True', 8) },
      'Current',
    ],
    [
      'reconciling is not done',
      { metadata: third, status: about('Ready=Unknown Reconciling=True') },
      'InProgress',
    ],
    ['stalled has failed', { metadata: third, status: about('Ready=False Stalled=True') }, 'Failed'],
    ['even when ready', { metadata: third, status: about('Ready=True Stalled=True') }, 'Failed'],
    [
      'Stalled=False plays no part',
      { metadata: third, status: about('Stalled=False Ready=True') },
      'Current',
    ],
    [
      'Reconciling=False plays no part',
      { metadata: third, status: about('Reconciling=False Ready=True') },
      'Current',
    ],
    [
      'of both, the first counts: reconciling',
      { metadata: third, status: about('Reconciling=True Stalled=True') },
      'InProgress',
    ],
    [
      'of both, the first counts: stalled',
      { metadata: third, status: about('Stalled=True Reconciling=True') },
      'Failed',
    ],
    [
      'other conditions play no part: unknown',
      { metadata: third, status: about('Succeeded=Unknown') },
      'Current',
    ],
    [
      'other conditions play no part: false',
      { metadata: third, status: about('Succeeded=False') },
      'Current',
    ],
    ['not even Failed', { metadata: third, status: about('Failed=True') }, 'Current'],
    [
      'deletion comes first',
      {
        metadata: { generation: 3, deletionTimestamp: '2026-02-03T04:05:06Z' },
        status: about('Stalled=True', 1),
      },
      'Terminating',
    ],
  ])('%s', (_, object, expected) => {
    expect(kstatus(object)).toBe(expected);
  });

  it('fails on an observed generation that is not a number', () => {
    const object = { metadata: third, status: { observedGeneration: '3' } } as never;

    expect(() => kstatus(object)).toThrow('observedGeneration');
  });
});
