import type { CloudJobStatus } from '../../src/api/cloudjob.js';
import { cloudJobCrd } from '../../src/api/crd.js';
import { systemClock } from '../../src/clock.js';
import { KubeClient } from '../../src/kube/client.js';
import { loadClusterAccess } from '../../src/kube/access/kubeconfig.js';
import type { KubeObject, ObjectMeta, ResourceType } from '../../src/kube/object.js';
import { HttpTransport } from '../../src/kube/transport.js';
import { CLOUD_JOBS } from '../../src/api/cloudjob.js';
import { leaseSpec } from '../../src/kube/leaseRecord.js';
import type { StatusWatch } from './statusWatch.js';
import { appliedCloudJob, NAMESPACE, nameOf, SECRET } from './fleet.js';
import { pause, until } from './wait.js';
import { EVENTS, LEASES } from '../../src/kube/resources.js';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** Requests at a time, as many as the operator's transport has connections. */
const AT_A_TIME = 32;
const CRD_MS = 60_000;
const CRD_SETTLE_MS = 10_000;
const CLEAR_MS = 300_000;
const NEVER = new AbortController().signal;

/** The cluster that the bench writes to, through the operator's own transport. */
export class BenchCluster {
  /** Of the CloudJobs that `create` made, by number: as they were when this wrote to them last. */
  readonly #stored = new Map<number, ObjectMeta>();

  private constructor(
    private readonly transport: HttpTransport,
    readonly client: KubeClient,
  ) {}

  /** Puts the CRD, the namespace and the Secret in place. */
  static async open(kubeconfigFile: string): Promise<BenchCluster> {
    const access = await loadClusterAccess(kubeconfigFile, systemClock);
    const transport = new HttpTransport({ access, clock: systemClock, userAgent: 'cloudjob-bench' });
    const client = new KubeClient({ transport, clock: systemClock, random: Math.random });
    const cluster = new BenchCluster(transport, client);
    await cluster.#post(CRDS, cloudJobCrd());
    await cluster.#post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    const data = { token: Buffer.from('sandbox-token').toString('base64') };
    await cluster.#post(`/api/v1/namespaces/${NAMESPACE}/secrets`, { metadata: { name: SECRET }, data });
    await until('the CRD to be served', 200, CRD_MS, () =>
      client.list(CLOUD_JOBS, { limit: 1 }, NEVER).then(
        () => true,
        () => false,
      ),
    );
    return cluster;
  }

  close(): void {
    this.transport.close();
  }

  /** Lets `status.progress` have some of its fields alone, and waits until the API server does so. */
  async relaxProgress(): Promise<void> {
    const relaxed: unknown = JSON.parse(JSON.stringify(cloudJobCrd().spec), (key, value: unknown) =>
      key === 'progress' ? { ...(value as object), required: undefined } : value,
    );
    await this.#patchCrd(relaxed);
    await until('the relaxed CRD to be served', 500, CRD_MS, async () => {
      try {
        await this.create(0, 1);
        await this.patch(0, 1, () => ({ progress: { total: 1 } }));
        return true;
      } catch {
        return false;
      } finally {
        await this.clear();
      }
    });
    // Until it has cut the watches of the CRD before.
    await pause(CRD_SETTLE_MS);
  }

  /** Undoes `relaxProgress`. */
  restoreCrd(): Promise<void> {
    return this.#patchCrd(cloudJobCrd().spec);
  }

  /** Creates the CloudJobs with these numbers. */
  async create(from: number, to: number, spec: object = {}): Promise<void> {
    await this.#each(from, to, async (index) => {
      const applied = appliedCloudJob(index, spec);
      const { metadata } = await this.client.create(CLOUD_JOBS, NAMESPACE, applied, NEVER);
      this.#stored.set(index, metadata);
    });
  }

  /** Creates one; milliseconds from the API server's answer to a watch that shows what the cloud said of it. */
  async applyUntilSeen(index: number, watch: StatusWatch): Promise<number> {
    const seen = watch.seen(nameOf(index));
    await this.client.create(CLOUD_JOBS, NAMESPACE, appliedCloudJob(index), NEVER);
    const appliedAt = performance.now();
    return Math.max(0, (await seen) - appliedAt);
  }

  async remove(from: number, to: number): Promise<void> {
    await this.#each(from, to, async (index) => {
      const path = `${pathOf(CLOUD_JOBS)}/${nameOf(index)}`;
      await this.transport.request({ method: 'DELETE', path }, NEVER);
    });
  }

  /** How long it takes to list all CloudJobs in pages as the operator does. */
  async listSeconds(): Promise<number> {
    const startedAt = performance.now();
    for await (const _ of this.#pages());
    return (performance.now() - startedAt) / 1000;
  }

  /** How many CloudJobs have such a status. */
  async count(isSuch: (status: CloudJobStatus) => boolean): Promise<number> {
    let count = 0;
    for await (const items of this.#pages()) {
      count += items.filter(({ status }) => isSuch((status ?? {}) as CloudJobStatus)).length;
    }
    return count;
  }

  /** Who holds the Leases with this prefix; nobody is the empty text. */
  async holders(namespace: string, prefix: string): Promise<string[]> {
    const { items } = await this.client.list(LEASES, { namespace }, NEVER);
    return items
      .filter(({ metadata }) => metadata.name.startsWith(prefix))
      .map((lease) => leaseSpec(lease).holderIdentity);
  }

  /** One merge patch of each status, answered with the whole object, as most clients do it; returns how many a second. */
  patch(from: number, to: number, statusOf: (index: number) => object): Promise<number> {
    return this.#timed(from, to, async (index) => {
      const path = `${pathOf(CLOUD_JOBS)}/${nameOf(index)}/status`;
      const patch = { status: statusOf(index) };
      const contentType = 'application/merge-patch+json';
      await this.transport.request({ method: 'PATCH', path, body: patch, contentType }, NEVER);
    });
  }

  /** One update of each status of CloudJobs that `create` made, as the operator does it; returns how many a second. */
  update(from: number, to: number, statusOf: (index: number) => object): Promise<number> {
    return this.#timed(from, to, async (index) => {
      const { apiVersion, kind } = appliedCloudJob(index);
      const { uid, resourceVersion } = this.#stored.get(index) ?? {};
      const ref = { namespace: NAMESPACE, name: nameOf(index) };
      const body = { apiVersion, kind, metadata: { ...ref, uid, resourceVersion }, status: statusOf(index) };
      const { metadata } = await this.client.updateStatus(CLOUD_JOBS, ref, body, NEVER);
      this.#stored.set(index, metadata);
    });
  }

  /** All CloudJobs and events of the bench go away. */
  async clear(): Promise<void> {
    for (const type of [CLOUD_JOBS, EVENTS]) {
      const path = pathOf(type);
      // Page by page: to delete many takes longer than a request may.
      const query = new URLSearchParams({ limit: '1000' });
      await until(`the ${type.plural} to be gone`, 10, CLEAR_MS, async () => {
        await this.transport.request({ method: 'DELETE', path, query }, NEVER);
        const { items } = await this.client.list(type, { namespace: NAMESPACE, limit: 1 }, NEVER);
        return items.length === 0;
      });
    }
  }

  /** All CloudJobs, in pages as long as the operator's. */
  async *#pages(): AsyncGenerator<readonly KubeObject[]> {
    let continueToken: string | undefined;
    do {
      const query = { limit: 100, ...(continueToken !== undefined && { continueToken }) };
      const page = await this.client.list(CLOUD_JOBS, query, NEVER);
      ({ continueToken } = page);
      yield page.items;
    } while (continueToken);
  }

  async #patchCrd(spec: unknown): Promise<void> {
    const path = `${CRDS}/${cloudJobCrd().metadata.name}`;
    const contentType = 'application/merge-patch+json';
    await this.transport.request({ method: 'PATCH', path, body: { spec }, contentType }, NEVER);
  }

  /** How many tasks a second. */
  async #timed(from: number, to: number, task: (index: number) => Promise<void>): Promise<number> {
    const startedAt = performance.now();
    await this.#each(from, to, task);
    return (to - from) / ((performance.now() - startedAt) / 1000);
  }

  async #each(from: number, to: number, task: (index: number) => Promise<void>): Promise<void> {
    let next = from;
    async function work(): Promise<void> {
      while (next < to) await task((next += 1) - 1);
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }

  /** What is there already stays. */
  async #post(path: string, body: unknown): Promise<void> {
    await this.transport.request({ method: 'POST', path, body }, NEVER).catch((error: unknown) => {
      if ((error as { readonly status?: number }).status !== 409) throw error;
    });
  }
}

/** Where all of a type are, in the namespace of the bench. */
function pathOf({ group, version, plural }: ResourceType): string {
  return `/apis/${group}/${version}/namespaces/${NAMESPACE}/${plural}`;
}
