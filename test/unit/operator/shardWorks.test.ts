import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller } from '../../../src/kube/controller.js';
import { objectKey } from '../../../src/kube/object.js';
import { WorkQueue } from '../../../src/kube/queue.js';
import { shardOf } from '../../../src/kube/shardPlan.js';
import type { CacheEntry } from '../../../src/cluster/cloudJobStore.js';
import type { Reconciler } from '../../../src/reconcile/reconciler.js';
import { ShardWorks } from '../../../src/operator/shardWorks.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { half, MemoryLogger } from '../kube/support.js';

const NEVER = new AbortController().signal;
const SHARDS = 3;
/** One job ID for each shard. */
const JOB_OF_SHARD = [0, 1, 2].map((shard) => {
  for (let n = 0; ; n += 1) if (shardOf(`job-${n}`, SHARDS) === shard) return `job-${n}`;
});

function follower(name: string, shard: number): CacheEntry {
  const metadata = { namespace: 'ns', name, uid: name, resourceVersion: '1' };
  return { metadata, jobID: JOB_OF_SHARD[shard], phase: 'none', cloudJob: undefined };
}

let cache: Map<string, CacheEntry>;
let works: ShardWorks;
/** What was reconciled, and whether the object was to be seen then. */
let passes: string[];
let forgotten: number;

beforeEach(() => {
  cache = new Map();
  passes = [];
  forgotten = 0;
  const clock = new FakeClock();
  works = new ShardWorks(
    SHARDS,
    { get: (key) => cache.get(key), values: () => cache.values() },
    ({ get }) => {
      const queue = new WorkQueue({ clock, random: half });
      const controller = new Controller({
        queue,
        reconcile: async (key) => {
          passes.push(`${key}${get(key) === undefined ? ' (unseen)' : ''}`);
          return { kind: 'done' };
        },
        workers: 2,
        clock,
        logger: new MemoryLogger(),
      });
      const reconciler = { forgetAll: () => void (forgotten += 1) } as Reconciler;
      return { queue, controller, reconciler };
    },
  );
});

function put(object: CacheEntry): CacheEntry {
  cache.set(objectKey(object.metadata), object);
  return object;
}

describe('the work of a shard', () => {
  it('begins with the objects of that shard that are there', async () => {
    put(follower('a', 0));
    put(follower('b', 1));
    put(follower('c', 1));

    void works.run(1, NEVER, NEVER);
    await settle();

    expect(passes).toEqual(['ns/b', 'ns/c']);
  });

  it('goes on with the changes of that shard, and leaves those of others alone', async () => {
    void works.run(1, NEVER, NEVER);
    works.added(put(follower('a', 0)), false);
    works.added(put(follower('b', 1)), false);
    await settle();
    works.modified(follower('a', 0), follower('a', 0));
    works.modified(follower('b', 1), follower('b', 1));
    await settle();
    for (const key of ['ns/a', 'ns/b', 'ns/gone']) works.wake(key, 'low');
    await settle();

    expect(passes).toEqual(['ns/b', 'ns/b', 'ns/b']);
  });

  it('lets those that are woken because they cannot wait overtake those that were there at start', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) put(follower(name, 0));
    void works.run(0, NEVER, NEVER);
    works.wake('ns/d', 'low');
    works.wake('ns/e', 'high');
    await settle();

    // Both workers have one already.
    expect(passes).toEqual(['ns/a', 'ns/b', 'ns/e', 'ns/c', 'ns/d']);
  });

  it('learns of an object whose job was changed to one of another shard, and sees it no more', async () => {
    void works.run(0, NEVER, NEVER);
    void works.run(1, NEVER, NEVER);
    const before = follower('a', 0);
    works.modified(put(follower('a', 1)), before);
    await settle();

    expect(passes.toSorted((x, y) => x.length - y.length)).toEqual(['ns/a', 'ns/a (unseen)']);
  });

  it('ends when it is stopped: then nothing is done, and everything is forgotten', async () => {
    const stop = new AbortController();
    const run = works.run(1, stop.signal, NEVER);
    stop.abort();
    await run;
    works.added(put(follower('b', 1)), false);
    works.deleted(follower('b', 1));
    await settle();

    expect(passes).toEqual([]);
    expect(forgotten).toBe(1);
    expect([...works.values]).toEqual([]);
  });
});
