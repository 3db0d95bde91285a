import { builtin } from './builtin.js';
import type { Resource } from './resource.js';

/** What an installation of the operator consists of besides; it is stored, and nobody acts on it: no pod ever runs. */
export const INSTALL_KINDS: readonly Resource[] = [
  stored('', 'services', 'Service', { shortNames: ['svc'] }),
  stored('', 'pods', 'Pod', { shortNames: ['po'], hasStatus: true }),
  stored('apps', 'deployments', 'Deployment', {
    shortNames: ['deploy'],
    hasStatus: true,
    hasGeneration: true,
  }),
  stored('networking.k8s.io', 'networkpolicies', 'NetworkPolicy', {
    shortNames: ['netpol'],
    hasGeneration: true,
  }),
  stored('policy', 'poddisruptionbudgets', 'PodDisruptionBudget', {
    shortNames: ['pdb'],
    hasStatus: true,
    hasGeneration: true,
  }),
  stored('rbac.authorization.k8s.io', 'roles', 'Role'),
  stored('rbac.authorization.k8s.io', 'rolebindings', 'RoleBinding'),
  stored('rbac.authorization.k8s.io', 'clusterroles', 'ClusterRole', { namespaced: false }),
  stored('rbac.authorization.k8s.io', 'clusterrolebindings', 'ClusterRoleBinding', { namespaced: false }),
];

function stored(group: string, plural: string, kind: string, more: Partial<Resource> = {}): Resource {
  const schema = {
    description: `${kind} is stored here without a check of its fields.`,
    'x-kubernetes-preserve-unknown-fields': true,
  } as const;
  return builtin({ group, plural, kind, schema, ...more });
}
