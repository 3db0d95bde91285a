import { CLOUD_JOBS, GROUP, KIND, VERSION, type CloudJob, type CloudJobStatus } from '../api/cloudjob.js';
import type { KubeClient } from '../kube/client.js';
import { isConflict, isForbidden, isNotFound } from '../kube/errors.js';
import { isRecord } from '../json.js';
import type { Informer } from '../kube/informer.js';
import { restore, type CachedCloudJob } from './cached.js';
import type { CloudJobStore, Glance, SecretFinding, SecretReader } from './ports.js';
import { SECRETS } from '../kube/resources.js';

/** The CloudJobs of the cluster: read from the watch's cache, written with a guard against stale knowledge. */
export class ClusterCloudJobs implements CloudJobStore {
  constructor(
    private readonly cache: Pick<Informer<CachedCloudJob>, 'get' | 'refresh'>,
    private readonly client: Pick<KubeClient, 'update' | 'delete'>,
    /** Told of each status that was stored. Must not throw. */
    private readonly onWrite: (before: CloudJobStatus, after: CloudJobStatus) => void = () => undefined,
  ) {}

  glance(key: string): Glance | undefined {
    const object = this.cache.get(key);
    if (object === undefined) return undefined;
    return { resourceVersion: object.metadata.resourceVersion, rests: object.packed === undefined };
  }

  get(key: string): CloudJob | undefined {
    const object = this.cache.get(key);
    return object && restore(object);
  }

  async writeStatus(
    cloudJob: CloudJob,
    status: CloudJobStatus,
    signal: AbortSignal,
  ): Promise<CloudJob | 'stale'> {
    const { metadata, status: before } = cloudJob;
    const { namespace, name, uid, resourceVersion } = metadata;
    // Neither newer states nor another object of the same name can be overwritten, and spec and labels are not the status's.
    const body = {
      apiVersion: `${GROUP}/${VERSION}`,
      kind: KIND,
      metadata: { namespace, name, uid, resourceVersion },
      status,
    };
    try {
      const stored = await this.client.update(
        CLOUD_JOBS,
        { namespace, name },
        body,
        { subresource: 'status' },
        signal,
      );
      this.onWrite(before, status);
      // The version was the one that was read, so nothing but the status has changed.
      return {
        ...cloudJob,
        metadata: { ...metadata, resourceVersion: stored.metadata.resourceVersion },
        status,
      };
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
