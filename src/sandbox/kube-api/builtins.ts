import { anything, builtin, checkMicroTimes, describe, int32, string, time } from './builtin.js';
import { ageColumn, column, nameColumn } from './columns.js';
import { configMaps, secrets } from './dataKinds.js';
import { coreEvents, currentEvents } from './events.js';
import { INSTALL_KINDS } from './installKinds.js';
import { at } from './json.js';
import type { Resource } from './resource.js';
import { ApiError, invalidValue } from './status.js';

export const namespaces = builtin({
  group: '',
  plural: 'namespaces',
  kind: 'Namespace',
  shortNames: ['ns'],
  namespaced: false,
  hasStatus: true,
  columns: [nameColumn, column('Status', (object) => at(object, 'status', 'phase')), ageColumn],
  selectable: { 'status.phase': (object) => at(object, 'status', 'phase') },
  schema: {
    description: 'Namespace provides a scope for names.',
    properties: { spec: anything, status: anything },
  },
  admit(namespace) {
    namespace['spec'] = { finalizers: ['kubernetes'] };
    if (at(namespace, 'status', 'phase') === undefined) namespace['status'] = { phase: 'Active' };
    const { metadata } = namespace;
    metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  },
});

const serviceAccounts = builtin({
  group: '',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  shortNames: ['sa'],
  columns: [
    nameColumn,
    column('Secrets', (object) => (Array.isArray(object['secrets']) ? object['secrets'].length : 0)),
    ageColumn,
  ],
  schema: {
    description: 'ServiceAccount is an identity for processes that run in pods.',
    properties: {
      secrets: { type: 'array', items: anything },
      imagePullSecrets: { type: 'array', items: anything },
      automountServiceAccountToken: { type: 'boolean' },
    },
  },
});

const leases = builtin({
  group: 'coordination.k8s.io',
  plural: 'leases',
  kind: 'Lease',
  columns: [nameColumn, column('Holder', (object) => at(object, 'spec', 'holderIdentity')), ageColumn],
  schema: {
    description: 'Lease defines a lease concept.',
    properties: {
      spec: {
        type: 'object',
        description: 'Specification of the Lease.',
        properties: {
          holderIdentity: describe(string, 'Who holds the lease.'),
          leaseDurationSeconds: describe(int32, 'Seconds after renewTime that others must wait.'),
          acquireTime: describe(time, 'When the current holder took it.'),
          renewTime: describe(time, 'When the current holder last renewed it.'),
          leaseTransitions: describe(int32, 'How often it changed hands.'),
        },
      },
    },
  },
  admit: (lease) =>
    checkMicroTimes(lease, [
      ['spec', 'acquireTime'],
      ['spec', 'renewTime'],
    ]),
  check(lease) {
    const duration = at(lease, 'spec', 'leaseDurationSeconds');
    if (typeof duration !== 'number' || duration > 0) return [];
    return [invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0')];
  },
});

export const definitions = builtin({
  group: 'apiextensions.k8s.io',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  shortNames: ['crd', 'crds'],
  namespaced: false,
  hasStatus: true,
  columns: [
    nameColumn,
    { ...column('Created At', (object) => object.metadata.creationTimestamp), type: 'date' },
  ],
  schema: {
    description: 'CustomResourceDefinition represents a resource that should be exposed on the API server.',
    required: ['spec'],
    properties: {
      spec: describe(anything, 'How the resources appear.'),
      status: describe(anything, 'Whether they are served.'),
    },
  },
});

/** Everything that is served without a CustomResourceDefinition. */
export const BUILTINS: readonly Resource[] = [
  namespaces,
  configMaps,
  coreEvents,
  secrets,
  serviceAccounts,
  currentEvents,
  leases,
  definitions,
  ...INSTALL_KINDS,
];

/** Refuses to delete a namespace that every cluster needs. @throws ApiError 403 */
export function refuseToDelete(resource: Resource, name: string): void {
  if (resource !== namespaces || !['default', 'kube-system', 'kube-public'].includes(name)) return;
  throw new ApiError(
    403,
    'Forbidden',
    `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    {
      name,
      kind: 'namespaces',
    },
  );
}
