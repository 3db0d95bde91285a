import { randomInt } from 'node:crypto';
import { CLOUD_JOBS, GROUP, PLURAL } from '../api/cloudjob.js';
import { cloudJobCrd } from '../api/crd.js';
import type { Clock } from '../clock.js';
import { KubeClient } from '../kube/client.js';
import { isAlreadyExists, isNotFound, isNotServed } from '../kube/errors.js';
import type { ClusterAccess } from '../kube/access/access.js';
import type { KubeObject, ObjectRef, ResourceType } from '../kube/object.js';
import { HttpTransport } from '../kube/transport.js';
import { errorText } from '../errorText.js';
import { DEMO_NAMESPACE, DEMO_SECRET, sampleManifest, secretManifest } from './samples.js';
import type { Sample } from './samples.js';
import { sleep } from '../signals.js';
import { CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, SECRETS } from '../kube/resources.js';

/** A new CRD is served a moment after it is accepted. */
const SERVED_DEADLINE_MS = 30_000;
const POLL_MS = 100;

/** The cluster cannot be used as it is; the message has the remedy. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
}

/** The objects that the sandbox creates in a cluster and deletes again: only those that were not there before. */
export class Cluster {
  readonly client: KubeClient;
  readonly #transport: HttpTransport;
  readonly #clock: Clock;
  /** In the order of creation. */
  readonly #created: { readonly type: ResourceType; readonly ref: ObjectRef; readonly uid: string }[] = [];

  constructor(access: ClusterAccess, clock: Clock) {
    this.#clock = clock;
    this.#transport = new HttpTransport({ access, clock, userAgent: 'cloudjob-sandbox' });
    this.client = new KubeClient({ transport: this.#transport, clock, random: () => randomInt(1000) / 1000 });
  }

  /** Creates the CRD, unless the cluster already has one. */
  async installCrd(signal: AbortSignal): Promise<void> {
    const crd = cloudJobCrd();
    const ref = { name: crd.metadata.name };
    const exists = await this.client
      .get(CUSTOM_RESOURCE_DEFINITIONS, ref, signal)
      .then(() => true, notFoundIsFalse);
    if (!exists) await this.#create(CUSTOM_RESOURCE_DEFINITIONS, undefined, ref, crd, signal);
    await this.#untilServed(signal);
  }

  /** The namespace of the samples, with the Secret that they name. */
  async prepareNamespace(signal: AbortSignal): Promise<void> {
    const ref = { name: DEMO_NAMESPACE };
    const exists = await this.client.get(NAMESPACES, ref, signal).then(() => true, notFoundIsFalse);
    if (!exists) {
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: ref };
      await this.#create(NAMESPACES, undefined, ref, namespace, signal);
    }
    await this.#create(
      SECRETS,
      DEMO_NAMESPACE,
      { namespace: DEMO_NAMESPACE, name: DEMO_SECRET },
      secretManifest(),
      signal,
    );
  }

  async apply(sample: Sample, signal: AbortSignal): Promise<void> {
    const ref = { namespace: DEMO_NAMESPACE, name: sample.name };
    await this.#create(CLOUD_JOBS, DEMO_NAMESPACE, ref, sampleManifest(sample), signal);
  }

  /** Deletes what was created, last first; the CRD stays if others use it by now. Returns what it could not delete. */
  async cleanUp(signal: AbortSignal): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const { type, ref, uid } of this.#created.toReversed()) {
      try {
        if (type === CUSTOM_RESOURCE_DEFINITIONS && (await this.#inUse(signal))) {
          problems.push(`left the CustomResourceDefinition ${ref.name}: it has CloudJobs of others by now`);
          continue;
        }
        await this.client.delete(type, ref, { uid }, signal);
      } catch (error) {
        if (!isNotFound(error)) problems.push(`left ${type.plural}/${ref.name}: ${errorText(error)}`);
      }
    }
    return problems;
  }

  close(): void {
    this.#transport.close();
  }

  async #create(
    type: ResourceType,
    namespace: string | undefined,
    ref: ObjectRef,
    body: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) throw new ClusterError(`interrupted before ${type.plural} "${ref.name}" was created`);
    try {
      // Not aborted: what was created must be known, or it could not be deleted.
      const { metadata } = await this.client.create(type, namespace, body, new AbortController().signal);
      this.#created.push({ type, ref, uid: metadata.uid });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      throw new ClusterError(
        `${type.plural} "${ref.name}" is there already${namespace === undefined ? '' : ` in namespace ${namespace}`}; ` +
          `delete it first, for example with: kubectl delete namespace ${DEMO_NAMESPACE}`,
      );
    }
  }

  async #untilServed(signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.monotonic() + SERVED_DEADLINE_MS;
    for (;;) {
      try {
        await this.client.list(CLOUD_JOBS, { limit: 1 }, signal);
        return;
      } catch (error) {
        // The API server gives one of the two, depending on its version and on whether it knows the group yet.
        if (!isNotServed(error) && !isNotFound(error)) throw error;
      }
      if (this.#clock.monotonic() >= deadline) {
        throw new ClusterError(
          `the API server does not serve ${PLURAL}.${GROUP}, ${SERVED_DEADLINE_MS / 1000} s after it took the CRD`,
        );
      }
      await sleep(this.#clock, POLL_MS, signal);
    }
  }

  async #inUse(signal: AbortSignal): Promise<boolean> {
    const { items } = await this.client.list(CLOUD_JOBS, {}, signal);
    const ours = new Set(this.#created.map(({ uid }) => uid));
    return items.some(({ metadata }) => !ours.has(metadata.uid));
  }
}

/** Follows the CloudJobs of the samples' namespace: first all of them, then each change, until the signal aborts. */
export async function followCloudJobs(
  client: Pick<KubeClient, 'list' | 'watch'>,
  onChange: (object: KubeObject) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const page = await client.list(CLOUD_JOBS, { namespace: DEMO_NAMESPACE }, signal);
      for (const object of page.items) onChange(object);
      const options = {
        namespace: DEMO_NAMESPACE,
        resourceVersion: page.resourceVersion,
        timeoutSeconds: 300,
      };
      for await (const event of await client.watch(CLOUD_JOBS, options, signal)) {
        if (event.kind === 'present') onChange(event.object);
        if (event.kind === 'error') break;
      }
    } catch {
      // The next round lists again; the caller has a deadline of its own.
    }
    await sleep(clock, POLL_MS, signal);
  }
}

function notFoundIsFalse(error: unknown): false {
  if (isNotFound(error)) return false;
  throw error;
}
