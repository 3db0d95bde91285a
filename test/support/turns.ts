/**
 * For concurrent tests that each start an operator: no more than a given number run at a time, the others wait for their turn.
 * Each place has a queue of its own.
 */
export function takeTurns(places: number): (work: () => Promise<void>) => Promise<void> {
  const queues: Promise<unknown>[] = Array.from({ length: places }, () => Promise.resolve());
  let turn = 0;
  return (work) => {
    const place = turn % places;
    turn += 1;
    const mine = (queues[place] ?? Promise.resolve()).then(work);
    queues[place] = mine.catch(() => undefined);
    return mine;
  };
}
