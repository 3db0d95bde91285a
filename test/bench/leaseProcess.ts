import { systemClock } from '../../src/clock.js';
import { loadClusterAccess } from '../../src/kube/access/kubeconfig.js';
import { KubeClient } from '../../src/kube/client.js';
import { HttpTransport } from '../../src/kube/transport.js';
import { FakeClock, settle } from '../support/fakeClock.js';
import { usedHeap } from '../support/heap.js';
import { serve } from './child.js';
import { leaseHolder } from './virtual/lease.js';

const MIB = 1024 * 1024;
/** Longer than from one renewal to the next, and too short for two. */
const TURN_MS = 2_500;
/** Until everything is compiled, and what is kept at all is there. */
const WARM_UP = 1_000;

/** What is in use after a collection. */
export interface LeaseHeap {
  readonly beforeMiB: number;
  readonly afterMiB: number;
}

interface Order {
  readonly kubeconfigFile: string;
  readonly renewals: number;
}

serve({
  /** Holds a Lease that a real HTTP server keeps, on a clock that is driven from renewal to renewal. */
  async hold({ kubeconfigFile, renewals }: Order): Promise<LeaseHeap> {
    const clock = new FakeClock();
    const access = await loadClusterAccess(kubeconfigFile, systemClock);
    const transport = new HttpTransport({ access, clock, userAgent: 'cloudjob-bench' });
    const client = new KubeClient({ transport, clock, random: Math.random });
    let onRenewal = (): void => {};
    const mergePatch: KubeClient['mergePatch'] = async (...request) => {
      const stored = await client.mergePatch(...request);
      onRenewal();
      return stored;
    };
    const holder = leaseHolder(
      { get: client.get.bind(client), create: client.create.bind(client), mergePatch },
      clock,
      Math.random,
    );
    const stop = new AbortController();
    let onAcquired = (): void => {};
    const acquired = new Promise<void>((resolve) => {
      onAcquired = resolve;
    });
    const leading = holder.run(stop.signal, async (_shard, stopWork, lost) => {
      onAcquired();
      await aborted([stopWork, lost]);
    });
    await acquired;
    const renew = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn += 1) {
        const renewed = new Promise<void>((resolve) => {
          onRenewal = resolve;
        });
        await settle();
        await clock.advance(TURN_MS);
        await renewed;
      }
    };
    await renew(WARM_UP);
    const before = await usedHeap();
    await renew(renewals);
    const after = await usedHeap();
    stop.abort();
    await leading;
    transport.close();
    return { beforeMiB: before / MIB, afterMiB: after / MIB };
  },
});

function aborted(signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
