import type { CloudJobStatus } from '../../src/api/cloudjob.js';
import { findCondition } from '../../src/api/conditions.js';
import type { Http, HttpAnswer, HttpRequest } from '../../src/cloud/http.js';
import { FakeClock } from './fakeClock.js';
import { jobBody } from './jobs.js';
import { WeekCluster } from './week/cluster.js';
import { makeOperator } from './week/operator.js';

/** What the cloud does with one request of a tenant. */
export interface TenantAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** How long it takes, in milliseconds; 100 if left out. */
  readonly afterMs?: number;
}

/** Who has CloudJobs and Secrets in one namespace: that of its name, which has no hyphen. */
export interface Tenant {
  readonly name: string;
  readonly jobs: number;
  /** When its CloudJobs are applied, in milliseconds. */
  readonly from?: number;
  readonly secret: (index: number, now: number) => Readonly<Record<string, string>>;
  readonly projectID: (index: number) => string;
  readonly region?: string;
  /** To polls of its jobs; left out: the job, which is running and changes every three minutes. */
  readonly answer?: (index: number, now: number) => TenantAnswer;
}

const CHANGE_MS = 180_000;
const LATENCY_MS = 100;

export interface Seen {
  /** Times of its polls, in milliseconds. */
  readonly polls: readonly number[];
  /** Times of its writes, and what they said. */
  readonly writes: readonly { readonly at: number; readonly status: CloudJobStatus }[];
  /** How late each change of a job was in its status, in milliseconds. */
  readonly delays: readonly number[];
}

/** In whole milliseconds: a wait for what rounding left over would never end on a clock that stands still. */
class WholeClock extends FakeClock {
  override schedule(ms: number, run: () => void): () => void {
    return super.schedule(Math.ceil(ms), run);
  }
}

/**
 * The operator between tenants and a cloud, all on one clock.
 *
 * @param logIn answers of IAM, by the user's name and password
 * @param random the operator's own randomness, from 0 to 1; left out: the middle of every jitter
 */
export class TenantsWorld implements Http {
  readonly clock = new WholeClock('2026-03-02T00:00:00Z');
  readonly #polls = new Map<string, number[]>();
  readonly #cluster: WeekCluster;
  /** Polls that passed the gateway, with the time of each. */
  onPoll: (tenant: string, at: number) => TenantAnswer | undefined = () => undefined;

  constructor(
    private readonly tenants: readonly Tenant[],
    private readonly logIn: (username: string, password: string) => TenantAnswer = () => ({
      status: 401,
      body: { error_code: 'IAM.0001' },
    }),
    random = () => 0.5,
  ) {
    const namespaceOf = (name: string): string => name.split('-')[0] ?? '';
    const secretOf = (name: string) => {
      const { tenant, index } = this.#find(name);
      return tenant.secret(index, this.clock.monotonic());
    };
    this.#cluster = new WeekCluster(this.clock, random, secretOf, 0, namespaceOf);
    const { controller } = makeOperator(this.clock, random, this.#cluster, this, {
      budget: { requestsPerSecond: 10, burst: 20 },
      polling: { minSeconds: 4, maxSeconds: 60 },
    });
    void controller.run(new AbortController().signal, new AbortController().signal);
    for (const tenant of tenants) {
      this.clock.schedule(tenant.from ?? 0, () => this.#apply(tenant));
    }
  }

  close(): void {}

  async send({ url, body = '' }: HttpRequest): Promise<HttpAnswer> {
    const [, jobID] = /\/jobs\/([^/]+)$/.exec(url.pathname) ?? [];
    if (jobID === undefined) return this.#end(this.#token(body));
    const { tenant, index } = this.#find(jobID);
    const now = this.clock.monotonic();
    this.#polls.set(tenant.name, [...(this.#polls.get(tenant.name) ?? []), now]);
    const answer = this.onPoll(tenant.name, now) ?? tenant.answer?.(index, now);
    return this.#end(answer ?? { status: 200, body: jobAt(jobID, now) });
  }

  /** What became of a tenant. */
  seen(name: string): Seen {
    const { jobs } = this.#find(`${name}-0`).tenant;
    const ofJobs = Array.from(
      { length: jobs },
      (_, index) => this.#cluster.writes.get(`${name}-${index}`) ?? [],
    );
    const delays = ofJobs.flatMap((writes) =>
      writes.flatMap(({ at, status: { type } }, index) => {
        const change = Number(type?.replace('Step', '') ?? 0) * CHANGE_MS;
        return change > 0 && writes[index - 1]?.status.type !== type ? [at - change] : [];
      }),
    );
    const writes = ofJobs.flat();
    return { polls: this.#polls.get(name) ?? [], writes, delays };
  }

  #apply({ name, jobs, projectID, region = 'north' }: Tenant): void {
    for (let index = 0; index < jobs; index += 1) {
      const jobID = `${name}-${index}`;
      const spec = { jobID, projectID: projectID(index), region, credentialsRef: { name: jobID } };
      this.#cluster.create(jobID, spec);
    }
  }

  #find(jobID: string): { readonly tenant: Tenant; readonly index: number } {
    const [name, index] = jobID.split('-');
    const tenant = this.tenants.find((one) => one.name === name);
    if (tenant === undefined) throw new Error(`a call about ${jobID}`);
    return { tenant, index: Number(index) };
  }

  #token(body: string): TenantAnswer {
    const { auth } = JSON.parse(body) as {
      readonly auth: {
        readonly identity: {
          readonly password: { readonly user: { readonly name: string; readonly password: string } };
        };
      };
    };
    const { user } = auth.identity.password;
    return this.logIn(user.name, user.password);
  }

  async #end({ status, headers = {}, body = {}, afterMs = LATENCY_MS }: TenantAnswer): Promise<HttpAnswer> {
    await new Promise<void>((resolve) => {
      this.clock.schedule(afterMs, resolve);
    });
    return { kind: 'answer', status, headers, body: JSON.stringify(body) };
  }
}

function jobAt(uid: string, now: number): object {
  return jobBody({ uid, phase: 'Running', type: `Step${Math.floor(now / CHANGE_MS)}` });
}

/** Whether every status after the first good one says that the job is followed, and nothing else. */
export function isUntroubled({ writes }: Seen): boolean {
  return writes.every(({ status: { conditions } }) => {
    const synced = findCondition(conditions, 'Synced')?.status;
    return findCondition(conditions, 'Stalled') === undefined && synced !== 'False';
  });
}
