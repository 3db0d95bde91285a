import {
  GROUP,
  KIND,
  readCloudJob,
  SPEC_DEFAULTS,
  VERSION,
  type CloudJobStatus,
} from '../../src/api/cloudjob.js';
import { readJob } from '../../src/cloud/job.js';
import { decide } from '../../src/reconcile/decide.js';
import { SANDBOX_PROJECT_ID } from '../../src/sandbox/cce/accounts.js';
import { framesOf, type JobPlan } from '../../src/sandbox/cce/plan.js';
import { frameIndexAt, type JobScript } from '../../src/sandbox/cce/script.js';
import { jobV3 } from '../../src/sandbox/cce/wire.js';

/** The CloudJobs that are measured: numbered, all alike, each of a job with five sub-jobs that scales up a cluster. */
export const NAMESPACE = 'bench';
export const SECRET = 'cce-credentials';
export const REGION = 'lab';
/** When all jobs began, and the time of the jobs' clock at first: fixed, so that a job looks the same in each run. */
export const STARTED = Date.parse('2026-01-15T10:00:00Z');
/** Seconds after the start at which a job looks as the name says. */
export const MOMENTS = { initializing: 0, running: 25, progressed: 35, succeeded: 100 } as const;
export type Moment = keyof typeof MOMENTS;

export function nameOf(index: number): string {
  return `scale-up-${hex(index)}`;
}

export function jobIDOf(index: number): string {
  return `5c9e1f7a-7d31-11ee-9a4e-${hex(index)}`;
}

export function scriptOf(index: number): JobScript {
  return { projectID: SANDBOX_PROJECT_ID, frames: framesOf(planOf(index)) };
}

/** As a user applies it. */
export function appliedCloudJob(index: number, spec: object = {}) {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: KIND,
    metadata: { name: nameOf(index), namespace: NAMESPACE },
    spec: {
      jobID: jobIDOf(index),
      projectID: SANDBOX_PROJECT_ID,
      region: REGION,
      credentialsRef: { name: SECRET },
      ...spec,
    },
  };
}

/** The status that the operator gives it at that moment. */
export function statusOf(index: number, moment: Moment): CloudJobStatus {
  const frames = framesOf(planOf(index));
  const frame = frames[frameIndexAt(frames, MOMENTS[moment])];
  if (frame?.tree === undefined || frame.tree === null) throw new Error('the job has no such moment');
  const read = readJob(
    JSON.parse(JSON.stringify(jobV3(frame.tree, frame.at, (seconds) => STARTED + seconds * 1000))),
  );
  if (read.kind === 'notAJob') throw new Error(read.problem);
  return decide(readCloudJob(freshCloudJob(index)), read, STARTED + 60_000, { unobservedMs: 0 }).status;
}

/** The JSON of many CloudJobs as an API server serves them, managed fields and all; made from one of them. */
export function servedCloudJobs(moment: Moment): (index: number) => string {
  const index = 0xffffffffffff;
  const object = freshCloudJob(index);
  const status = statusOf(index, moment);
  const managedFields = [
    managed('kubectl-client-side-apply', { spec: object.spec }),
    { ...managed('cloudjob-operator', { status }), subresource: 'status' },
  ];
  const pattern = JSON.stringify({ ...object, metadata: { ...object.metadata, managedFields }, status });
  return (wanted) => pattern.replaceAll(hex(index), hex(wanted));
}

function freshCloudJob(index: number) {
  const { metadata, ...applied } = appliedCloudJob(index);
  return {
    ...applied,
    spec: { ...applied.spec, ...SPEC_DEFAULTS },
    metadata: {
      ...metadata,
      uid: `0b7b1c9e-2f3f-4a57-9f0c-${hex(index)}`,
      resourceVersion: `1${hex(index)}`,
      generation: 1,
      creationTimestamp: '2026-01-15T10:00:00Z',
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ ...applied, metadata }),
      },
    },
  };
}

function managed(manager: string, fields: object) {
  const time = '2026-01-15T10:00:30Z';
  const apiVersion = `${GROUP}/${VERSION}`;
  return {
    manager,
    operation: 'Update',
    apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: owned(fields),
  };
}

/** Field ownership as API servers write it: lists of conditions by type, other lists whole. */
function owned(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => {
      if (name === 'conditions' && Array.isArray(value)) {
        const entries = (value as readonly { readonly type: string }[]).map((one) => [
          `k:{"type":"${one.type}"}`,
          { '.': {}, ...owned(one) },
        ]);
        return ['f:conditions', { '.': {}, ...Object.fromEntries(entries) }];
      }
      const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
      return [`f:${name}`, isMap ? { '.': {}, ...owned(value) } : {}];
    }),
  );
}

function planOf(index: number): JobPlan {
  const node = (number: number): JobPlan[] => [
    subJob(index, number, 'CreateNodeVM', 10, 20 + number),
    subJob(index, number + 3, 'InstallNode', 20 + number, 30 + number),
  ];
  return {
    id: jobIDOf(index),
    type: 'ScaleupCluster',
    clusterUID: `8d2f6b7e-54c0-11ef-b0a1-${hex(index)}`,
    resourceName: `prod-${hex(index)}`,
    from: 10,
    to: 100,
    subJobs: [...node(1), ...node(2), subJob(index, 6, 'UpdateRouteTable', 33, 40)],
  };
}

function subJob(index: number, number: number, type: string, from: number, to: number): JobPlan {
  return {
    id: `0000000${number}-7d31-11ee-9a4e-${hex(index)}`,
    type,
    resourceID: `1000000${number}-7d31-11ee-9a4e-${hex(index)}`,
    resourceName: `prod-${hex(index)}-node-${number}`,
    from,
    to,
  };
}

function hex(index: number): string {
  return index.toString(16).padStart(12, '0');
}
