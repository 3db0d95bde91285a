import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that are still in use after all garbage was collected. */
export async function usedHeap(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    // What a promise or a finalizer holds goes between two collections.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    collect();
  }
  return process.memoryUsage().heapUsed;
}

/**
 * Bytes that each turn of `work` leaves behind, measured over `turns` turns after as many of warming up as a tenth.
 *
 * @param turns 10 or more
 */
export async function growthPerTurn(turns: number, work: () => Promise<void>): Promise<number> {
  for (let turn = 0; turn < turns / 10; turn += 1) await work();
  const before = await usedHeap();
  for (let turn = 0; turn < turns; turn += 1) await work();
  return ((await usedHeap()) - before) / turns;
}
