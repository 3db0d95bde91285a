import type { BudgetOptions } from '../../../src/cloud/limits/budget.js';
import { DEFAULT_POLLING, type Polling } from '../../../src/reconcile/schedule.js';
import type { JobFrame } from '../../../src/sandbox/cce/script.js';
import { FakeClock } from '../../support/fakeClock.js';
import { quickRandom } from '../../support/seed.js';
import { WeekCluster } from '../../support/week/cluster.js';
import { makeOperator } from '../../support/week/operator.js';
import { VirtualCloud } from './cloud.js';
import { leaseClient, leaseHolder } from './lease.js';

/** The operator's defaults. */
export const BUDGET: BudgetOptions = { requestsPerSecond: 10, burst: 20 };

/** The operator's parts on a virtual clock, with the Lease, between a cluster and a cloud in memory that never fail. */
export class VirtualWorld {
  readonly clock = new FakeClock('2026-03-02T00:00:00Z');
  readonly random: () => number;
  readonly cloud: VirtualCloud;
  readonly cluster: WeekCluster;
  /** Recorded transitions, by the name of the CloudJob: each would be an event. */
  readonly events = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(seed: number, polling: Polling = DEFAULT_POLLING) {
    this.random = quickRandom(seed);
    this.cloud = new VirtualCloud(this.clock, this.random);
    this.cluster = new WeekCluster(this.clock, this.random, () => ({ token: 'a-token' }), 0);
    const { controller } = makeOperator(this.clock, this.random, this.cluster, this.cloud, {
      budget: BUDGET,
      polling,
      transitions: {
        record: ({ metadata: { name } }, events) => {
          this.events.set(name, (this.events.get(name) ?? 0) + events.length);
          return Promise.resolve();
        },
        commit: () => undefined,
      },
    });
    const holder = leaseHolder(leaseClient(this.clock), this.clock, this.random);
    this.#ended = holder.run(this.#stop.signal, (_shard, stop, lost) => controller.run(stop, lost));
  }

  /** A job begins, and somebody applies a CloudJob of the same name for it. */
  follow(id: string, projectID: string, frames: readonly JobFrame[], spec: object = {}): void {
    this.cloud.start(id, frames);
    const credentialsRef = { name: 'credentials' };
    this.cluster.create(id, { jobID: id, projectID, region: 'north', credentialsRef, ...spec });
  }

  /** Forgets what was counted so far, which grows with it. */
  forgetCounts(): void {
    this.cluster.writes.clear();
    this.events.clear();
    for (const job of this.cloud.jobs.values()) job.calls = 0;
  }

  writesOf(name: string): number {
    return this.cluster.writes.get(name)?.length ?? 0;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.clock.advance(10_000);
    await this.#ended;
  }
}
