import { describe, expect, it } from '@jest/globals';
import { FLUX_REQUESTED_AT_ANNOTATION, REQUESTED_AT_ANNOTATION } from '../../../src/api/cloudjob.js';
import { isRequested, requestedAt } from '../../../src/reconcile/cloudJob.js';
import { cloudJob, withStatus } from '../../support/cloudJobs.js';

const EARLIER = '2026-03-01T10:00:00Z';
const LATER = '2026-03-01T12:00:00.5+01:00';

describe('requestedAt', () => {
  it.each([
    ['neither annotation', undefined, undefined, undefined],
    ['an empty one', '', undefined, undefined],
    ['ours alone', 'any text', undefined, 'any text'],
    ["Flux's alone", undefined, 'any text', 'any text'],
    ['ours, the later', LATER, EARLIER, LATER],
    ["Flux's, the later", EARLIER, LATER, LATER],
    ['ours, where they do not compare', 'soon', LATER, 'soon'],
    ["Flux's, with ours empty", '', EARLIER, EARLIER],
    ['no half of a character', `${'x'.repeat(255)}😀`, undefined, 'x'.repeat(255)],
    ['a text too long for the status', 'x'.repeat(300), undefined, 'x'.repeat(256)],
  ])('takes %s', (_, ours, flux, expected) => {
    const annotations = {
      ...(ours !== undefined && { [REQUESTED_AT_ANNOTATION]: ours }),
      ...(flux !== undefined && { [FLUX_REQUESTED_AT_ANNOTATION]: flux }),
    };

    expect(requestedAt(cloudJob({}, { annotations }))).toBe(expected);
  });
});

describe('isRequested', () => {
  const requested = cloudJob({}, { annotations: { [REQUESTED_AT_ANNOTATION]: EARLIER } });

  it.each([
    ['nobody asks', cloudJob(), false],
    ['somebody requests the first poll', requested, true],
    ['it was answered', withStatus(requested, { lastHandledReconcileAt: EARLIER }), false],
    ['another one was answered', withStatus(requested, { lastHandledReconcileAt: LATER }), true],
  ])('when %s', (_, object, expected) => {
    expect(isRequested(object)).toBe(expected);
  });

  it('is answered even by a text that the status has to cut', () => {
    const long = cloudJob({}, { annotations: { [REQUESTED_AT_ANNOTATION]: 'x'.repeat(300) } });
    const lastHandledReconcileAt = requestedAt(long) ?? '';

    expect(isRequested(withStatus(long, { lastHandledReconcileAt }))).toBe(false);
  });
});
