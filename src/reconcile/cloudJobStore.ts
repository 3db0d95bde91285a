import {
  CLOUD_JOBS,
  GROUP,
  KIND,
  MAX_WORD_LENGTH,
  readCloudJob,
  VERSION,
  type CloudJob,
  type CloudJobStatus,
} from '../api/cloudjob.js';
import { classifyPhase, type PhaseClass } from '../cloud/phase.js';
import type { KubeClient } from '../kube/client.js';
import { isConflict, isNotFound, isTooLarge } from '../kube/errors.js';
import type { Informer } from '../kube/informer.js';
import type { KubeObject, ObjectMeta } from '../kube/object.js';
import { cutText } from '../text.js';
import { rests, USED_ANNOTATIONS, USED_LABELS } from './cloudJob.js';
import type { CloudJobStore, Written } from './ports.js';

/** What is kept of a CloudJob in memory: read once, when the watch brought it. */
export interface CacheEntry extends KubeObject {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
  /** Of its spec, readable or not. */
  readonly jobID: string | undefined;
  /** What the phase means; `none`: nothing is known of the job. */
  readonly phase: PhaseClass | 'none';
  /** Undefined when it rests: of 100,000 finished CloudJobs nothing is needed but who they are. */
  readonly cloudJob: CloudJob | undefined;
}

/** The most names that are kept of those who wrote a spec. */
const MAX_MANAGERS = 32;

/** Keeps of an object what the operator needs, however much there is. @throws when it has no usable metadata */
export function cacheEntry(object: KubeObject): CacheEntry {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const cloudJob = withUsedMetadata(readCloudJob(object));
  const { phase } = cloudJob.status;
  return {
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion },
    jobID: cloudJob.spec.jobID,
    phase: phase === undefined ? 'none' : classifyPhase(phase),
    cloudJob: rests(cloudJob) ? undefined : cloudJob,
  };
}

function withUsedMetadata(cloudJob: CloudJob): CloudJob {
  const { labels, annotations, specManagers } = cloudJob.metadata;
  const used = {
    labels: pick(labels, USED_LABELS),
    annotations: pick(annotations, USED_ANNOTATIONS),
    specManagers: [...new Set(specManagers)].slice(0, MAX_MANAGERS),
  };
  return { ...cloudJob, metadata: { ...cloudJob.metadata, ...used } };
}

function pick(all: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(all, name) ? all[name] : undefined;
    if (value !== undefined) kept[name] = cutText(value, MAX_WORD_LENGTH);
  }
  return kept;
}

/** The CloudJobs of the cluster: read from the watch's cache, written with a guard against stale knowledge. */
export class ClusterCloudJobs implements CloudJobStore {
  constructor(
    private readonly cache: Pick<Informer<CacheEntry>, 'get' | 'refresh'>,
    private readonly client: Pick<KubeClient, 'update' | 'delete'>,
    /** Called for each status that was stored. Must not throw. */
    private readonly onWrite: (before: CloudJobStatus, after: CloudJobStatus) => void = () => undefined,
  ) {}

  get(key: string): CloudJob | undefined {
    return this.cache.get(key)?.cloudJob;
  }

  async writeStatus(cloudJob: CloudJob, status: CloudJobStatus, signal: AbortSignal): Promise<Written> {
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
      if (isTooLarge(error)) return 'tooLarge';
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
