import { describe, expect, it } from '@jest/globals';
import { specSchema } from '../../../src/api/cloudjob.js';
import { scriptSchema } from '../../../src/sandbox/cce/script.js';
import { sampleManifest, samples } from '../../../src/sandbox/samples.js';

describe('the samples of the demo', () => {
  it('are CloudJobs that the contract allows', () => {
    for (const sample of samples(1)) {
      expect(specSchema.safeParse(sampleManifest(sample)['spec']).success).toBe(true);
    }
  });

  it('have scripts that play to their end in a quarter of a minute, whatever the seed', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      for (const { script } of samples(seed)) {
        if (script === undefined) continue;

        expect(scriptSchema.safeParse(script).success).toBe(true);
        expect(script.frames.at(-1)?.at).toBeLessThan(15);
      }
    }
  });

  it('end where they are expected', () => {
    for (const { script, arrives } of samples(1)) {
      if (!('phases' in arrives)) continue;

      expect(arrives.phases).toContain(script?.frames.at(-1)?.tree?.phase);
    }
  });
});
