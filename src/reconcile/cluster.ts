import { isDeepStrictEqual } from 'node:util';
import { GROUP, PLURAL, VERSION, readCloudJob, type CloudJob, type CloudJobStatus } from '../api/cloudjob.js';
import type { KubeClient } from '../kube/client.js';
import { isConflict, isForbidden, isNotFound, isRecord } from '../kube/errors.js';
import type { Informer } from '../kube/informer.js';
import type { KubeObject, ResourceType } from '../kube/object.js';
import type { CloudJobStore, SecretFinding, SecretReader } from './ports.js';

export const CLOUD_JOBS: ResourceType = { group: GROUP, version: VERSION, plural: PLURAL, namespaced: true };
const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets', namespaced: true };

/** What is kept of a CloudJob in memory: all but the bookkeeping of whoever wrote which field. */
export function trim(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** The CloudJobs of the cluster: read from the watch's cache, written with a guard against stale knowledge. */
export class ClusterCloudJobs implements CloudJobStore {
  /** Each version is read once, however many passes look at it: nobody changes an object of the cache. */
  readonly #read = new WeakMap<KubeObject, CloudJob>();

  constructor(
    private readonly cache: Pick<Informer<KubeObject>, 'get' | 'refresh'>,
    private readonly client: Pick<KubeClient, 'mergePatch' | 'delete'>,
    /** Told of each status that was stored. Must not throw. */
    private readonly onWrite: (before: CloudJobStatus, after: CloudJobStatus) => void = () => undefined,
  ) {}

  get(key: string): CloudJob | undefined {
    const object = this.cache.get(key);
    if (object === undefined) return undefined;
    const known = this.#read.get(object);
    if (known !== undefined) return known;
    const cloudJob = readCloudJob(object);
    this.#read.set(object, cloudJob);
    return cloudJob;
  }

  async writeStatus(
    { metadata, status: before }: CloudJob,
    status: CloudJobStatus,
    signal: AbortSignal,
  ): Promise<CloudJob | 'stale'> {
    const { namespace, name, resourceVersion } = metadata;
    const patch = {
      // A merge patch ignores a foreign uid on a status, but never another resourceVersion: neither newer states nor
      // another object of the same name can be overwritten.
      metadata: { resourceVersion },
      status: changes(before, status),
    };
    try {
      const stored = await this.client.mergePatch(
        CLOUD_JOBS,
        { namespace, name },
        patch,
        { subresource: 'status' },
        signal,
      );
      this.onWrite(before, status);
      return readCloudJob(stored);
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      await this.cache.refresh({ namespace, name }, resourceVersion ?? '', signal);
      return 'stale';
    }
  }

  async delete({ metadata }: CloudJob, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid, resourceVersion } = metadata;
    const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    try {
      await this.client.delete(CLOUD_JOBS, { namespace, name }, preconditions, signal);
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}

/** The fields to merge (RFC 7396): the new value of what differs, null for what is gone. Lists are whole. */
function changes(before: CloudJobStatus, after: CloudJobStatus): Record<string, unknown> {
  return mergePatchOf({ ...before }, { ...after });
}

function mergePatchOf(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) patch[key] = null;
  }
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isDeepStrictEqual(old, value)) continue;
    patch[key] = isRecord(old) && isRecord(value) ? mergePatchOf(old, value) : value;
  }
  return patch;
}

/** Secrets by name: the operator never lists or watches them. */
export class ClusterSecrets implements SecretReader {
  constructor(private readonly client: Pick<KubeClient, 'get'>) {}

  async read(namespace: string, name: string, signal: AbortSignal): Promise<SecretFinding> {
    try {
      const { data } = await this.client.get(SECRETS, { namespace, name }, signal);
      return { kind: 'found', data: isRecord(data) ? texts(data) : {} };
    } catch (error) {
      if (isNotFound(error)) return { kind: 'missing' };
      if (isForbidden(error)) return { kind: 'forbidden' };
      throw error;
    }
  }
}

function texts(data: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
