import type { CloudJobMetadata, ManagedFields } from '../api/cloudjob.js';

/** Marks that GitOps tools leave on the objects they keep in place: Argo CD, Flux, Helm, kapp, kustomize/cli-utils. */
const LABELS = [
  'argocd.argoproj.io/instance',
  'kustomize.toolkit.fluxcd.io/name',
  'helm.toolkit.fluxcd.io/name',
  'kapp.k14s.io/app',
];
const ANNOTATIONS = [
  'argocd.argoproj.io/tracking-id',
  'meta.helm.sh/release-name',
  'config.k8s.io/owning-inventory',
];

/**
 * Tools that leave no such mark, by the name under which they write the spec (metadata.managedFields): Terraform's
 * kubernetes_manifest, unless its `field_manager` says otherwise; Crossplane's provider-kubernetes, without and with
 * server-side apply.
 */
const MANAGER = /^(?:Terraform$|crossplane-kubernetes-provider$|provider-kubernetes\/)/;

/** Whether a tool tracks the object, and so would create it again whenever it is deleted. */
export function isTracked({
  labels,
  annotations,
  managedFields,
}: Pick<CloudJobMetadata, 'labels' | 'annotations' | 'managedFields'>): boolean {
  return (
    LABELS.some((key) => Object.hasOwn(labels, key)) ||
    ANNOTATIONS.some((key) => Object.hasOwn(annotations, key)) ||
    managedFields.some(isKeepers)
  );
}

/** Whether the entry tells of a tool that keeps the object in place; of others, not even their names are needed. */
export function isKeepers({ manager, fieldsV1 }: ManagedFields): boolean {
  return MANAGER.test(manager) && fieldsV1?.['f:spec'] !== undefined;
}
