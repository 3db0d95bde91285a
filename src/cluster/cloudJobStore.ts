import {
  CLOUD_JOBS,
  FLUX_REQUESTED_AT_ANNOTATION,
  GROUP,
  KIND,
  MAX_WORD_LENGTH,
  readCloudJob,
  REQUESTED_AT_ANNOTATION,
  VERSION,
  type CloudJob,
  type CloudJobStatus,
} from '../api/cloudjob.js';
import { OPERATOR } from '../api/managedFields.js';
import { classifyPhase, type PhaseClass } from '../cloud/phase.js';
import type { KubeClient, Stored } from '../kube/client.js';
import { isConflict, isNotFound, isTooLarge } from '../kube/errors.js';
import type { Informer } from '../kube/informer.js';
import type { KubeObject, ObjectMeta, ObjectRef } from '../kube/object.js';
import { rests } from '../reconcile/cloudJob.js';
import type { CloudJobStore, Written } from '../reconcile/ports.js';
import { cutText } from '../text.js';

/** A CloudJob in memory: read once, when the watch delivered it. */
export interface CacheEntry extends KubeObject {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
  /** The job ID in its spec, even if the spec is invalid. */
  readonly jobID: string | undefined;
  /** The meaning of the phase; `none`: nothing is known of the job. */
  readonly phase: PhaseClass | 'none';
  /** Undefined if there is nothing to do for it: of 100,000 finished CloudJobs only the names are needed. */
  readonly cloudJob: CloudJob | undefined;
}

/** The annotations that the operator uses; no others are kept in memory. */
const USED_ANNOTATIONS = [REQUESTED_AT_ANNOTATION, FLUX_REQUESTED_AT_ANNOTATION];

/** Keeps the part of an object that the operator needs. @throws when it has no usable metadata */
export function cacheEntry(object: KubeObject): CacheEntry {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const cloudJob = withUsedAnnotations(readCloudJob(object));
  const { phase } = cloudJob.status;
  return {
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion },
    jobID: cloudJob.spec.jobID,
    phase: phase === undefined ? 'none' : classifyPhase(phase),
    cloudJob: rests(cloudJob) ? undefined : cloudJob,
  };
}

function withUsedAnnotations(cloudJob: CloudJob): CloudJob {
  const annotations: Record<string, string> = {};
  for (const name of USED_ANNOTATIONS) {
    const value = cloudJob.metadata.annotations[name];
    if (value !== undefined) annotations[name] = cutText(value, MAX_WORD_LENGTH);
  }
  return { ...cloudJob, metadata: { ...cloudJob.metadata, annotations } };
}

/** The CloudJobs of the cluster: read from the watch's cache; a write fails if the cache is stale. */
export class ClusterCloudJobs implements CloudJobStore {
  constructor(
    private readonly cache: Pick<Informer<CacheEntry>, 'get' | 'refresh'>,
    private readonly client: Pick<KubeClient, 'updateStatus' | 'applyStatus' | 'delete'>,
    /** Called for each status that was stored. Must not throw. */
    private readonly onWrite: (before: CloudJobStatus, after: CloudJobStatus) => void = () => undefined,
  ) {}

  get(key: string): CloudJob | undefined {
    return this.cache.get(key)?.cloudJob;
  }

  async writeStatus(cloudJob: CloudJob, status: CloudJobStatus, signal: AbortSignal): Promise<Written> {
    const written = await this.#change(cloudJob, signal, (ref, identity) =>
      this.client.updateStatus(CLOUD_JOBS, ref, { ...identity, status }, signal),
    );
    if (typeof written === 'string') return written;
    this.onWrite(cloudJob.status, status);
    return { ...written, status };
  }

  /** In an update, an unchanged value keeps its owner; an apply adds the operator as an owner. */
  async adoptPhase(cloudJob: CloudJob, signal: AbortSignal): Promise<Written> {
    const status = { phase: cloudJob.status.phase };
    return this.#change(cloudJob, signal, (ref, identity) =>
      this.client.applyStatus(CLOUD_JOBS, ref, { ...identity, status }, OPERATOR, signal),
    );
  }

  async #change(
    cloudJob: CloudJob,
    signal: AbortSignal,
    send: (ref: ObjectRef, identity: Readonly<Record<string, unknown>>) => Promise<Stored>,
  ): Promise<Written> {
    const { metadata } = cloudJob;
    const { namespace, name, uid, resourceVersion } = metadata;
    const ref = { namespace, name };
    // This cannot overwrite newer states or another object of the same name, and it never writes spec or labels.
    const identity = {
      apiVersion: `${GROUP}/${VERSION}`,
      kind: KIND,
      metadata: { ...ref, uid, resourceVersion },
    };
    try {
      const stored = await send(ref, identity);
      // The version was the one that was read, so only the status has changed.
      return { ...cloudJob, metadata: { ...metadata, resourceVersion: stored.metadata.resourceVersion } };
    } catch (error) {
      if (isTooLarge(error)) return 'tooLarge';
      if (!isConflict(error) && !isNotFound(error)) throw error;
      await this.cache.refresh(ref, resourceVersion ?? '', signal);
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
