import { readCloudJob, type CloudJob, type CloudJobStatus } from '../../src/api/cloudjob.js';
import type { CloudErrorClass } from '../../src/cloud/errors.js';
import type { Job } from '../../src/cloud/job.js';
import { decide } from '../../src/reconcile/decide.js';
import type { Observation } from '../../src/cloud/observation.js';
import type { History } from '../../src/reconcile/jobState.js';

/** When the CloudJobs of these tests were created. */
export const CREATED = Date.parse('2026-03-01T10:00:00Z');
export const JOB_ID = '5c9e1f7a-7d31-11ee-9a4e-0255ac100b05';

export const HEALTHY: History = { unobservedMs: 0 };

/** What the API server notes down when a person creates an object. */
export const BY_KUBECTL = [{ manager: 'kubectl-create', fieldsV1: { 'f:spec': { 'f:jobID': {} } } }];

/** A CloudJob as the API server holds it right after `kubectl apply`. */
export function cloudJob(
  spec: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
): CloudJob {
  return readCloudJob({
    apiVersion: 'cloudjob.dev/v1alpha1',
    kind: 'CloudJob',
    metadata: {
      name: 'scale-up',
      namespace: 'infra',
      uid: '0b7b1c9e-2f3f-4a57-9f0c-1d7a5f1f6f10',
      generation: 1,
      resourceVersion: '7',
      creationTimestamp: new Date(CREATED).toISOString(),
      managedFields: BY_KUBECTL,
      ...metadata,
    },
    spec: { jobID: JOB_ID, projectID: 'p1', region: 'eu-de', credentialsRef: { name: 'cce' }, ...spec },
    status: { observedGeneration: -1 },
  });
}

/** The CloudJob with that status stored; another spec counts as another generation. */
export function withStatus(object: CloudJob, status: CloudJobStatus): CloudJob {
  return { ...object, status };
}

/** The CloudJob after somebody changed fields of its spec. */
export function edited(object: CloudJob, spec: Readonly<Record<string, unknown>>): CloudJob {
  const changed = readCloudJob({ ...object, spec: { ...object.spec, ...spec } });
  return { ...changed, metadata: { ...object.metadata, generation: object.metadata.generation + 1 } };
}

/** A job's progress; counts that are not named are 0. */
export function progress(
  total: number,
  counts: Readonly<Record<string, number>>,
): NonNullable<CloudJobStatus['progress']> {
  const none = { succeeded: 0, running: 0, initializing: 0, failed: 0, unknown: 0 };
  const all = { total, ...none, ...counts };
  return { ...all, summary: `${all.succeeded}/${total}` };
}

export function job(phase: string | undefined, rest: Partial<Job> = {}): Job {
  return { id: JOB_ID, type: 'CreateNode', extendParam: {}, subJobs: [], ...(phase && { phase }), ...rest };
}

export function read(phase: string | undefined, rest: Partial<Job> = {}): Observation {
  return { kind: 'job', job: job(phase, rest) };
}

export function failed(errorClass: CloudErrorClass, message = 'no luck', code?: string): Observation {
  return { kind: 'error', error: { class: errorClass, message, ...(code && { code }) } };
}

export const NO_SECRET: Observation = {
  kind: 'noCredentials',
  reason: 'CredentialsNotFound',
  message: 'Secret infra/cce of spec.credentialsRef does not exist; create it, or name another one',
};

/** The CloudJob after a pass with this observation, `afterSeconds` after its creation. */
export function after(
  object: CloudJob,
  observation: Observation,
  afterSeconds = 1,
  history = HEALTHY,
): CloudJob {
  return withStatus(object, decide(object, observation, CREATED + afterSeconds * 1000, history).status);
}

/** The conditions in short: `{ Ready: 'True/JobSucceeded', … }`. */
export function conditionsOf({ status }: CloudJob): Record<string, string> {
  return Object.fromEntries(
    (status.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is}/${reason}`]),
  );
}
