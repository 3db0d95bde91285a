import type { Row } from '../bench.js';
import { startChild } from '../child.js';
import type { CadenceDelays } from '../cadenceProcess.js';

/** `pollIntervalSeconds`; undefined: adaptive. */
const INTERVALS = [1, 2, 5, 15, 60, undefined];
const SHARES = [0.5, 0.9, 0.99];

/**
 * Seconds from a change in the cloud to the stored status, for each cadence, by a virtual clock; one value for each of
 * several runs with other chance.
 */
export const cadence: Row = {
  name: 'cadence',
  async run(bench) {
    const runs = bench.quick ? 1 : 3;
    const hours = bench.quick ? 0.25 : 1;
    const child = startChild('./cadenceProcess.js');
    try {
      const figures = [];
      for (const intervalSeconds of INTERVALS) {
        const all: CadenceDelays[] = [];
        while (all.length < runs) {
          const order = { intervalSeconds, hours, seed: all.length + 1 };
          all.push(await child.call<CadenceDelays>('delays', order));
        }
        const words = intervalSeconds === undefined ? 'adaptive' : `every ${intervalSeconds} s`;
        for (const share of SHARES) {
          figures.push({
            what: `${words}, ${100 * share} of 100 within`,
            unit: 's',
            values: all.map(({ delays }) => at(delays, share)),
            against: { what: 'its bound', values: all.map(({ bounds }) => at(bounds, share)) },
            goal: { atMost: 1 },
          });
        }
      }
      return figures;
    } finally {
      await child.stop();
    }
  },
};

function at(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0;
}
