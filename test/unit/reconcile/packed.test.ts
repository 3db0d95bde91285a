import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pack, unpack } from '../../../src/reconcile/packed.js';
import { after, cloudJob, read } from '../../support/cloudJobs.js';

describe('packed text', () => {
  it('comes back as it was, in whatever script', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
        expect(unpack(pack(text))).toBe(text);
      }),
    );
  });

  it('takes less than a third where it is a CloudJob', () => {
    const text = JSON.stringify(after(cloudJob(), read('Running')));

    expect(pack(text).length).toBeLessThan(text.length / 3);
  });

  it('that was packed otherwise is refused', () => {
    expect(() => unpack('{}')).toThrow();
  });
});
