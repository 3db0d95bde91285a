import type { CloudJobMetadata } from '../api/cloudjob.js';

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

/** Whether a GitOps tool tracks the object, and so would create it again whenever it is deleted. */
export function isTracked({
  labels,
  annotations,
}: Pick<CloudJobMetadata, 'labels' | 'annotations'>): boolean {
  return (
    LABELS.some((key) => Object.hasOwn(labels, key)) ||
    ANNOTATIONS.some((key) => Object.hasOwn(annotations, key))
  );
}
