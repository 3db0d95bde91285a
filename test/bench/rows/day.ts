import { callOnce } from '../child.js';
import type { Row } from '../bench.js';
import type { DayCounts } from '../dayProcess.js';

/** What CloudJobs cost that nothing happens to, in a whole day of the operator's parts on a virtual clock. */
export const day: Row = {
  name: 'day',
  gate: true,
  async run(bench) {
    const count = bench.quick ? 3 : 30;
    const counts = await callOnce<DayCounts>('./dayProcess.js', [], 'idleDay', count);
    const { unchanged, finished, heap } = counts;
    const none = { goal: { atMost: 0 }, gate: { atMost: 0 } };
    return [
      { what: 'writes per unchanged job', unit: 'a day', values: unchanged.writes, ...none },
      { what: 'events per unchanged job', unit: 'a day', values: unchanged.events, ...none },
      { what: 'cloud calls per unchanged job', unit: 'a day', values: unchanged.calls },
      { what: 'writes per finished job', unit: 'a day', values: finished.writes, ...none },
      { what: 'events per finished job', unit: 'a day', values: finished.events, ...none },
      { what: 'cloud calls per finished job', unit: 'a day', values: finished.calls, ...none },
      {
        what: 'heap after the day',
        unit: 'MiB',
        values: [heap.afterMiB],
        against: { what: 'before it', values: [heap.beforeMiB] },
        goal: { atMost: 1.1 },
      },
    ];
  },
};
