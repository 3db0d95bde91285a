import type { Row } from '../bench.js';
import { callOnce } from '../child.js';
import type { LeaseHeap } from '../leaseProcess.js';

const RUNS = 3;
/** Two and a half days of a Lease that is renewed every two seconds: about 20 bytes of each may stay. */
const GROWTH_MIB = 2;

/** Whether holding the Lease leaves something behind: real HTTP, and a clock that is driven from renewal to renewal. */
export const lease: Row = {
  name: 'lease',
  async run(bench) {
    const renewals = bench.quick ? 5_000 : 100_000;
    const kubeconfigFile = await bench.plainKubeconfig(await bench.shelf.call<string>('url'));
    const heaps: LeaseHeap[] = [];
    while (heaps.length < (bench.quick ? 1 : RUNS)) {
      heaps.push(await callOnce<LeaseHeap>('./leaseProcess.js', [], 'hold', { kubeconfigFile, renewals }));
    }
    return [
      {
        what: `heap growth over ${renewals} renewals of the Lease`,
        unit: 'MiB',
        values: heaps.map(({ beforeMiB, afterMiB }) => afterMiB - beforeMiB),
        goal: { atMost: GROWTH_MIB },
      },
    ];
  },
};
