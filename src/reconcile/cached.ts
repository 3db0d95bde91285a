import { isDeepStrictEqual } from 'node:util';
import { readCloudJob, readManagedFields, type CloudJob } from '../api/cloudjob.js';
import { isRecord } from '../json.js';
import type { KubeObject, ObjectMeta } from '../kube/object.js';
import { decide } from './decide.js';
import { isKeepers } from './gitops.js';
import { aboutItsJob, isFinished } from './known.js';
import { pack, unpack } from './packed.js';
import { classifyPhase, isTerminal, type PhaseClass } from './phase.js';
import { isRequested } from './request.js';

/**
 * What is kept of a CloudJob in memory. Of one that rests only who it is; of any other its packed JSON, which takes a
 * small part of the memory of the object and no time of the garbage collector's, and is read when a pass needs it.
 */
export interface CachedCloudJob extends KubeObject {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
  /** Of its spec, readable or not. */
  readonly jobID: string | undefined;
  /** What the phase means; `none`: nothing is known of the job. */
  readonly phase: PhaseClass | 'none';
  /** Undefined when it rests. */
  readonly packed: string | undefined;
}

/** kubectl's copy of what was applied: as long as the object, and nobody here reads it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Keeps of an object what the operator needs. @throws when it has no usable metadata */
export function trim(object: KubeObject): CachedCloudJob {
  const { metadata, spec, status } = object;
  const { name, namespace, uid, resourceVersion } = metadata;
  const jobID = textOf(spec, 'jobID');
  const phase = textOf(status, 'phase');
  const rests = isTerminal(phase) && isAtRest(readCloudJob(object));
  return {
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion },
    jobID,
    phase: phase === undefined ? 'none' : classifyPhase(phase),
    packed: rests ? undefined : pack(JSON.stringify({ metadata: trimMetadata(metadata), spec, status })),
  };
}

/** The whole CloudJob; undefined for one that rests. */
export function restore({ packed }: CachedCloudJob): CloudJob | undefined {
  return packed === undefined ? undefined : readCloudJob(JSON.parse(unpack(packed)));
}

/**
 * Whether a pass would do nothing, now and at any later time: the job has ended, the status says all of it, and nobody
 * asks for a look.
 */
export function isAtRest(cloudJob: CloudJob): boolean {
  if (!isFinished(aboutItsJob(cloudJob)) || isRequested(cloudJob)) return false;
  // Of a finished job nothing depends on the time but its deletion, and an object that waits for that does not rest.
  const { status, next } = decide(cloudJob, { kind: 'none' }, 0, { silentMs: 0 });
  return next.kind === 'rest' && isDeepStrictEqual(status, cloudJob.status);
}

function textOf(fields: unknown, name: string): string | undefined {
  const value = isRecord(fields) ? fields[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function trimMetadata({ managedFields, annotations, ...metadata }: ObjectMeta): object {
  const keepers = readManagedFields(managedFields).filter(isKeepers);
  const kept = keepers.length === 0 ? metadata : { ...metadata, managedFields: keepers };
  if (!isRecord(annotations)) return kept;
  const { [LAST_APPLIED]: _, ...others } = annotations;
  return { ...kept, annotations: others };
}
