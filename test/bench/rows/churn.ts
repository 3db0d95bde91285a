import type { Row } from '../bench.js';
import { callOnce } from '../child.js';
import type { DayHeap } from '../dayProcess.js';

const RUNS = 3;

/** Whether 24 hours of jobs that come and go leave something behind, by a virtual clock. */
export const churn: Row = {
  name: 'churn',
  async run(bench) {
    const jobs = bench.quick ? 300 : 2_000;
    const heaps: DayHeap[] = [];
    while (heaps.length < (bench.quick ? 1 : RUNS)) {
      // Each in a fresh process.
      const order = { jobs, seed: heaps.length + 1 };
      heaps.push(await callOnce<DayHeap>('./dayProcess.js', [], 'churn', order));
    }
    return [
      {
        what: `heap after 24 h with ${jobs} jobs, then idle`,
        unit: 'MiB',
        values: heaps.map(({ afterMiB }) => afterMiB),
        against: { what: 'before them', values: heaps.map(({ beforeMiB }) => beforeMiB) },
        goal: { atMost: 1.1 },
      },
    ];
  },
};
