import {
  FLUX_REQUESTED_AT_ANNOTATION,
  MAX_WORD_LENGTH,
  REQUESTED_AT_ANNOTATION,
  type CloudJob,
  type CloudJobMetadata,
  type CloudJobSpec,
} from '../api/cloudjob.js';
import { findCondition } from '../api/conditions.js';
import { isTerminal } from '../cloud/phase.js';
import { cutText } from '../text.js';
import { JOB_FIELDS, type JobSummary } from './summary.js';

// What a CloudJob says by itself, with nothing observed.

/** The spec, as far as it can be read: `{}` where it breaks the rules. */
export function readableSpec({ spec }: Pick<CloudJob, 'spec'>): Partial<CloudJobSpec> {
  return 'problems' in spec ? {} : spec;
}

/**
 * The CloudJob without what its status says of another job. The CRD forbids to change `jobID`, but an API server too
 * old for such rules lets it happen, and job A's state must never be shown for job B.
 */
export function aboutItsJob(cloudJob: CloudJob): CloudJob {
  const { spec, status } = cloudJob;
  if (spec.jobID === undefined || status.jobID === undefined || status.jobID === spec.jobID) return cloudJob;
  const { lastHandledReconcileAt } = status;
  return { ...cloudJob, status: lastHandledReconcileAt === undefined ? {} : { lastHandledReconcileAt } };
}

/** Whether the status was written for this very spec, and polls have not been suspended since. */
export function isStatusOfSpec({ metadata, status }: CloudJob): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    findCondition(status.conditions, 'Suspended') === undefined
  );
}

/** What the status says of the job; `{}` when that is nothing. */
export function knownJob({ status }: CloudJob): JobSummary {
  const known: Record<string, unknown> = {};
  for (const field of JOB_FIELDS) {
    if (status[field] !== undefined) known[field] = status[field];
  }
  return known;
}

/** Whether the job is known to have ended. Such a job is polled no more, unless somebody requests it. */
export function isFinished(cloudJob: CloudJob): boolean {
  return isTerminal(aboutItsJob(cloudJob).status.phase);
}

/**
 * Whether there is nothing to do for the CloudJob until it changes: its job has ended, the status and its conditions say
 * so of this spec, nobody requests a poll, and it is not to be deleted. The predicate is plain on purpose: it runs for each
 * object of a list.
 */
export function rests(cloudJob: CloudJob): boolean {
  const { metadata, status } = cloudJob;
  const ended = ['Ready', 'Succeeded', 'Finished', 'Synced'] as const;
  return (
    isFinished(cloudJob) &&
    !isRequested(cloudJob) &&
    !isDeletedAfterFinish(cloudJob) &&
    status.observedGeneration === metadata.generation &&
    ended.every((type) => findCondition(status.conditions, type)?.observedGeneration === metadata.generation)
  );
}

/** Whether the object is to be deleted some time after its job has ended. */
export function isDeletedAfterFinish(cloudJob: CloudJob): boolean {
  return readableSpec(cloudJob).ttlSecondsAfterFinished !== undefined && !isTracked(cloudJob.metadata);
}

/**
 * The value that requests a poll now, undefined when nobody does. With both annotations on an object the later time
 * counts, ours where they do not compare: a choice that depends on the pair alone, so that handling one of them never
 * brings up the other again.
 */
export function requestedAt({ metadata: { annotations } }: Pick<CloudJob, 'metadata'>): string | undefined {
  const ours = bounded(annotations[REQUESTED_AT_ANNOTATION]);
  const flux = bounded(annotations[FLUX_REQUESTED_AT_ANNOTATION]);
  if (!ours || !flux) return ours || flux || undefined;
  return Date.parse(flux) > Date.parse(ours) ? flux : ours;
}

/** Whether a poll is requested that has not happened yet. */
export function isRequested(cloudJob: CloudJob): boolean {
  const value = requestedAt(cloudJob);
  return value !== undefined && value !== cloudJob.status.lastHandledReconcileAt;
}

/** As the status holds it: half a character would be stored as another text, and never be equal to the request. */
function bounded(value: string | undefined): string | undefined {
  return value && cutText(value, MAX_WORD_LENGTH);
}

/** Marks that GitOps tools leave on the objects they keep in place: Argo CD, Flux, Helm, kapp, kustomize/cli-utils. */
const TRACKING_LABELS = [
  'argocd.argoproj.io/instance',
  'kustomize.toolkit.fluxcd.io/name',
  'helm.toolkit.fluxcd.io/name',
  'kapp.k14s.io/app',
];
const TRACKING_ANNOTATIONS = [
  'argocd.argoproj.io/tracking-id',
  'meta.helm.sh/release-name',
  'config.k8s.io/owning-inventory',
];

/** All labels and annotations that mean anything here; no others are kept in memory. */
export const USED_LABELS: readonly string[] = TRACKING_LABELS;
export const USED_ANNOTATIONS: readonly string[] = [
  REQUESTED_AT_ANNOTATION,
  FLUX_REQUESTED_AT_ANNOTATION,
  ...TRACKING_ANNOTATIONS,
];

/**
 * Tools that leave no such mark, by the name under which they write the spec (metadata.managedFields): Terraform's
 * kubernetes_manifest, unless its `field_manager` says otherwise; Crossplane's provider-kubernetes, without and with
 * server-side apply.
 */
const TRACKING_MANAGER = /^(?:Terraform$|crossplane-kubernetes-provider$|provider-kubernetes\/)/;

/** Whether a tool tracks the object, and so would create it again whenever it is deleted. */
export function isTracked({ labels, annotations, specManagers }: CloudJobMetadata): boolean {
  return (
    TRACKING_LABELS.some((key) => Object.hasOwn(labels, key)) ||
    TRACKING_ANNOTATIONS.some((key) => Object.hasOwn(annotations, key)) ||
    specManagers.some((manager) => TRACKING_MANAGER.test(manager))
  );
}
