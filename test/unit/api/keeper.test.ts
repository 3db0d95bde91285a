import { describe, expect, it } from '@jest/globals';
import { readCloudJob } from '../../../src/api/cloudjob.js';

const BY_KUBECTL = writtenBy('kubectl-client-side-apply');

/** As the API server notes it down. */
function writtenBy(...managers: readonly string[]): object {
  return {
    managedFields: managers.map((manager) => ({
      manager,
      operation: 'Update',
      fieldsV1: { 'f:metadata': { 'f:labels': {} }, 'f:spec': { 'f:jobID': {} } },
    })),
  };
}

function keeperOf(metadata: object): string | undefined {
  return readCloudJob({
    metadata: {
      name: 'a',
      namespace: 'b',
      uid: 'c',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { jobID: 'j' },
  }).metadata.keeper;
}

const argoLabel = { labels: { 'app.kubernetes.io/instance': 'app' } };
describe('a CloudJob is kept', () => {
  it.each<[string, object, string]>([
    ['kro', writtenBy('kro.run/applyset'), 'as "kro.run/applyset"'],
    ['Crossplane 2, which composes it', writtenBy('apiextensions.crossplane.io/composed/9b2f'), 'as "apiext'],
    ['provider-kubernetes', writtenBy('provider-kubernetes/create-prod'), 'as "provider-kubernetes'],
    ['older ones of it', writtenBy('crossplane-kubernetes-provider'), 'as "crossplane'],
    [
      'Argo CD, by the usual label',
      { ...argoLabel, ...writtenBy('argocd-controller') },
      'as "argocd-controller"',
    ],
    ['Argo CD, by a label of somebody’s own', writtenBy('argocd-controller'), 'as "argocd-controller"'],
    ['Flux', writtenBy('kustomize-controller'), 'as "kustomize-controller"'],
    ['Helm', writtenBy('helm'), 'as "helm"'],
    ['Terraform', writtenBy('Terraform'), 'as "Terraform"'],
    ['Terraform by another name', writtenBy('platform-team'), 'as "platform-team"'],
    ['Karmada', writtenBy('karmada-agent'), 'as "karmada-agent"'],
    ['Sveltos', writtenBy('unknown', 'application/apply-patch'), 'as "unknown"'],
    ['Open Cluster Management', writtenBy('work-agent'), 'as "work-agent"'],
    ['Pulumi', writtenBy('pulumi-kubernetes-1f2e3d4c'), 'as "pulumi'],
    ['Config Sync', writtenBy('configsync.gke.io'), 'as "configsync'],
    ['something whose name begins alike', writtenBy('kubectlish', 'octopus'), 'as "kubectlish"'],
    [
      'a tool, though somebody has edited it',
      writtenBy('kubectl-edit', 'argocd-controller'),
      'argocd-controller',
    ],
    [
      'an owner',
      { ...BY_KUBECTL, ownerReferences: [{ kind: 'Workflow', name: 'w' }] },
      'its owner, Workflow w,',
    ],
    [
      'Argo CD, which adopted it',
      { ...BY_KUBECTL, annotations: { 'argocd.argoproj.io/tracking-id': 'app:…' } },
      'argocd.argoproj.io/tracking-id',
    ],
    [
      'an ApplySet',
      { ...BY_KUBECTL, labels: { 'applyset.kubernetes.io/part-of': 'x' } },
      'applyset.kubernetes.io',
    ],
    ['nobody knows by whom', {}, 'managedFields does not name it'],
    [
      'nobody knows by whom, as managedFields are none',
      { managedFields: 'x' },
      'managedFields does not name it',
    ],
    ['a name that draws on terminals', writtenBy('\u001b[31mred'), 'as "red"'],
  ])('by %s', (_, metadata, words) => {
    expect(keeperOf(metadata)).toContain(words);
  });
});

describe('a CloudJob is kept by nobody', () => {
  it.each<[string, object]>([
    ['when kubectl applied it', BY_KUBECTL],
    ['when kubectl created and edited it', writtenBy('kubectl-create', 'kubectl-edit', 'kubectl')],
    ['when the plugin created it', writtenBy('kubectl-cloudjob')],
    ['when oc did', writtenBy('oc', 'oc-client-side-apply')],
    [
      'when others wrote only its labels and status',
      {
        managedFields: [
          { manager: 'kubectl', fieldsV1: { 'f:spec': {} } },
          { manager: 'labeller', fieldsV1: { 'f:metadata': {} } },
          { manager: 'cloudjob-operator', subresource: 'status', fieldsV1: { 'f:status': {} } },
        ],
      },
    ],
    ['when its labels only look like it', { ...BY_KUBECTL, ...argoLabel }],
    ['when somebody insists', { ...writtenBy('Terraform'), annotations: { 'cloudjob.dev/ttl': 'always' } }],
    [
      'when somebody insists, though it has an owner',
      { ownerReferences: [{ kind: 'Job', name: 'j' }], annotations: { 'cloudjob.dev/ttl': 'always' } },
    ],
  ])('%s', (_, metadata) => {
    expect(keeperOf(metadata)).toBeUndefined();
  });
});
