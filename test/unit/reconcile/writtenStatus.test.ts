import { describe, expect, it } from '@jest/globals';
import type { CloudJob } from '../../../src/api/cloudjob.js';
import { WrittenStatus } from '../../../src/reconcile/writtenStatus.js';
import { cloudJob } from '../../support/cloudJobs.js';
import { FakeClock } from '../../support/fakeClock.js';

function at(resourceVersion: string, phase: string): CloudJob {
  const object = cloudJob();
  return { ...object, metadata: { ...object.metadata, resourceVersion }, status: { phase } };
}

/** Of a status that was written over version 7 and is stored in version 8. */
function written(): { readonly read: (object: CloudJob) => string[] } {
  const status = new WrittenStatus(new FakeClock());
  status.writing(at('7', 'Initializing'), { phase: 'Running' });
  status.wrote(at('8', 'Running'));
  return {
    read(object) {
      const alterations: string[] = [];
      status.read(object, (how) => alterations.push(how));
      return alterations;
    },
  };
}

describe('a status that was written', () => {
  it.each([
    ['in the version that has it', at('8', 'Running'), []],
    ['in a later version that has it still', at('9', 'Running'), []],
    ['in the version that it was written over', at('7', 'Initializing'), []],
    ['in an even earlier one, as a cache that lags behind shows it', at('5', 'Paused'), []],
    ['in a later version with another status', at('9', 'Success'), ['overwritten']],
  ])('and is read %s', (_, object, alterations) => {
    expect(written().read(object)).toEqual(alterations);
  });
});

it.each([
  ['before another write of which nothing is known', 'Paused', []],
  ['as the last write of all', 'Failed', []],
  ['from somebody else', 'Success', ['overwritten']],
])('a status that is stored %s while answers were lost', (_, phase, alterations) => {
  const status = new WrittenStatus(new FakeClock());
  const found: string[] = [];
  const read = (object: CloudJob): CloudJob => status.read(object, (how) => found.push(how));
  status.writing(at('7', 'Initializing'), { phase: 'Running' });
  status.wrote(at('8', 'Running'));
  for (const lost of ['Paused', 'Failed']) {
    read(at('8', 'Running'));
    status.writing(at('8', 'Running'), { phase: lost });
    // A list from a cache that lags behind.
    read(at('7', 'Initializing'));
  }
  read(at('9', phase));

  expect(found).toEqual(alterations);
});
