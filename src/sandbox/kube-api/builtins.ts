import { age, ageColumn, column, count, nameColumn } from './columns.js';
import {
  aboutWhat,
  countOf,
  firstSeen,
  lastSeen,
  sourceOf,
  toCoreEvent,
  toCurrentEvent,
} from './eventViews.js';
import { isBase64 } from './formats.js';
import { at, equal, isObject, type JsonObject, type KubeObject } from './json.js';
import type { Column, Resource } from './resource.js';
import { wholeObject, type Schema } from './schema.js';
import { ApiError, badRequest, forbiddenValue, invalidValue, requiredValue, type Cause } from './status.js';

const string: Schema = { type: 'string' };
const strings: Schema = { type: 'object', additionalProperties: string };
const int32: Schema = { type: 'integer', format: 'int32' };
const anything: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const time: Schema = { type: 'string', format: 'date-time', nullable: true };

function describe(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** What a built-in kind says of itself; the rest is the same for most. */
type Part = Pick<Resource, 'group' | 'plural' | 'kind' | 'schema'> & Partial<Resource>;

function builtin(part: Part): Resource {
  return {
    version: 'v1',
    singular: part.kind.toLowerCase(),
    listKind: `${part.kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    custom: false,
    hasStatus: false,
    hasGeneration: false,
    columns: [nameColumn, ageColumn],
    bucket: `${part.group}/${part.plural}`,
    selectable: {},
    ...part,
    schema: wholeObject(part.schema),
  };
}

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

const data = describe(strings, 'Keys consist of alphanumeric characters, "-", "_" or ".".');

const secrets = builtin({
  group: '',
  plural: 'secrets',
  kind: 'Secret',
  columns: [
    nameColumn,
    column('Type', (object) => object['type']),
    column('Data', (object) => count(object, 'data')),
    ageColumn,
  ],
  selectable: { type: (object) => object['type'] },
  schema: {
    description: 'Secret holds secret data of a certain type.',
    properties: {
      data: describe(strings, 'The secret data, each value encoded as base64.'),
      stringData: describe(strings, 'Write-only: values that the server encodes and merges into data.'),
      immutable: describe({ type: 'boolean' }, 'If true, the data cannot be changed any more.'),
      type: describe(string, 'What kind of secret it is. Default Opaque.'),
    },
  },
  admit: encodeSecret,
  check: (secret, old) => [
    ...checkDataKeys(secret, ['data']),
    ...(old !== undefined && old['type'] !== secret['type']
      ? [invalidValue('type', secret['type'], 'field is immutable')]
      : []),
    ...checkImmutable(secret, old, ['data']),
  ],
});

function encodeSecret(secret: KubeObject): void {
  const encoded: JsonObject = isObject(secret['data']) ? secret['data'] : {};
  for (const [key, value] of Object.entries(encoded)) {
    if (typeof value !== 'string' || !isBase64(value)) {
      throw badRequest(
        `Secret in version "v1" cannot be handled as a Secret: v1.Secret.Data: decode base64: illegal base64 data in ${JSON.stringify(key)}`,
      );
    }
  }
  if (isObject(secret['stringData'])) {
    for (const [key, value] of Object.entries(secret['stringData'])) {
      if (typeof value !== 'string')
        throw badRequest(`v1.Secret.StringData: ${JSON.stringify(key)} is no string`);
      encoded[key] = Buffer.from(value, 'utf8').toString('base64');
    }
  }
  delete secret['stringData'];
  if (Object.keys(encoded).length > 0) secret['data'] = encoded;
  if (typeof secret['type'] !== 'string' || secret['type'] === '') secret['type'] = 'Opaque';
}

const configMaps = builtin({
  group: '',
  plural: 'configmaps',
  kind: 'ConfigMap',
  shortNames: ['cm'],
  columns: [
    nameColumn,
    column('Data', (object) => count(object, 'data') + count(object, 'binaryData')),
    ageColumn,
  ],
  schema: {
    description: 'ConfigMap holds configuration data for programs to use.',
    properties: {
      data,
      binaryData: describe(strings, 'Binary data, each value encoded as base64.'),
      immutable: describe({ type: 'boolean' }, 'If true, the data cannot be changed any more.'),
    },
  },
  check: (map, old) => [
    ...checkDataKeys(map, ['data', 'binaryData']),
    ...checkImmutable(map, old, ['data', 'binaryData']),
  ],
});

function checkDataKeys(object: KubeObject, fields: readonly string[]): Cause[] {
  return fields.flatMap((field) =>
    Object.keys(at(object, field) ?? {})
      .filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key))
      .map((key) =>
        invalidValue(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ),
      ),
  );
}

function checkImmutable(object: KubeObject, old: KubeObject | undefined, fields: readonly string[]): Cause[] {
  if (old?.['immutable'] !== true) return [];
  const problem = 'field is immutable when `immutable` is set';
  const changed = fields.filter((field) => !equal(old[field], object[field]));
  if (object['immutable'] !== true) changed.unshift('immutable');
  return changed.map((field) => forbiddenValue(field, problem));
}

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

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/** @throws ApiError 400 for a time that is not a MicroTime: six digits of fraction, as the API server wants them */
function checkMicroTimes(object: KubeObject, paths: readonly (readonly string[])[]): void {
  for (const path of paths) {
    const value = at(object, ...path);
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' && MICRO_TIME.test(value)) continue;
    throw badRequest(
      `${object.kind} in version "v1" cannot be handled as a ${object.kind}: ${path.join('.')}: parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00"`,
    );
  }
}

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

const reference: Schema = {
  type: 'object',
  properties: Object.fromEntries(
    ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((name) => [
      name,
      string,
    ]),
  ),
};
const source: Schema = { type: 'object', properties: { component: string, host: string } };
const series: Schema = { type: 'object', properties: { count: int32, lastObservedTime: time } };
const EVENT_FIELDS = {
  eventTime: describe(time, 'When it was first observed.'),
  series: describe(series, 'Set when the event repeats.'),
  action: describe(string, 'What was done or failed.'),
  reason: describe(string, 'Why, in one word.'),
  related: describe(reference, 'Another object that it is about.'),
  reportingInstance: describe(string, 'Which instance of the controller reports.'),
  type: describe(string, 'Normal or Warning.'),
};
const EVENT_COLUMNS: readonly Column[] = [
  column('Last Seen', (event, now) => age(lastSeen(event), now)),
  column('Type', (event) => event['type']),
  column('Reason', (event) => event['reason']),
  column('Object', aboutWhat),
  column('Subobject', (event) => at(event['involvedObject'] ?? event['regarding'], 'fieldPath') ?? '', 1),
  column('Source', sourceOf, 1),
  column('Message', (event) => event['message'] ?? event['note'] ?? ''),
  column('First Seen', (event, now) => age(firstSeen(event), now), 1),
  column('Count', countOf, 1),
  { ...nameColumn, priority: 1 },
];

const coreEvents = builtin({
  group: '',
  plural: 'events',
  kind: 'Event',
  shortNames: ['ev'],
  columns: EVENT_COLUMNS,
  selectable: {
    ...Object.fromEntries(
      ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((name) => [
        `involvedObject.${name}`,
        (event: KubeObject) => at(event, 'involvedObject', name),
      ]),
    ),
    reason: (event) => event['reason'],
    type: (event) => event['type'],
    reportingComponent: (event) => event['reportingComponent'],
    source: (event) => at(event, 'source', 'component'),
  },
  schema: {
    description: 'Event is a report of an event somewhere in the cluster.',
    required: ['involvedObject'],
    properties: {
      ...EVENT_FIELDS,
      involvedObject: describe(reference, 'The object that it is about.'),
      message: describe(string, 'What happened, for people.'),
      reportingComponent: describe(string, 'Which controller reports.'),
      source,
      firstTimestamp: time,
      lastTimestamp: time,
      count: int32,
    },
  },
  admit: (event) => checkMicroTimes(event, [['eventTime'], ['series', 'lastObservedTime']]),
});

const currentEvents = builtin({
  group: 'events.k8s.io',
  plural: 'events',
  kind: 'Event',
  shortNames: ['ev'],
  columns: EVENT_COLUMNS,
  bucket: coreEvents.bucket,
  selectable: Object.fromEntries(
    Object.entries(coreEvents.selectable).map(([name, read]) => [
      name.replace(/^involvedObject/, 'regarding'),
      read,
    ]),
  ),
  serve: toCurrentEvent,
  keep: toCoreEvent,
  schema: {
    description: 'Event is a report of an event somewhere in the cluster.',
    properties: {
      ...EVENT_FIELDS,
      regarding: describe(reference, 'The object that it is about.'),
      note: describe(string, 'What happened, for people.'),
      reportingController: describe(string, 'Which controller reports.'),
      deprecatedSource: source,
      deprecatedFirstTimestamp: time,
      deprecatedLastTimestamp: time,
      deprecatedCount: int32,
    },
  },
  admit: (event) => checkMicroTimes(event, [['eventTime'], ['series', 'lastObservedTime']]),
  check: (event, old) => (old === undefined ? checkCurrentEvent(event) : []),
});

function checkCurrentEvent(event: KubeObject): Cause[] {
  const causes: Cause[] = [];
  if (event['eventTime'] === undefined || event['eventTime'] === null)
    causes.push(requiredValue('eventTime'));
  for (const field of ['reportingController', 'reportingInstance', 'action', 'reason']) {
    if (event['eventTime'] !== undefined && !event[field]) causes.push(requiredValue(field));
  }
  if (event['type'] !== 'Normal' && event['type'] !== 'Warning') {
    causes.push(
      invalidValue(
        'type',
        '',
        `has invalid value: ${typeof event['type'] === 'string' ? event['type'] : ''}`,
      ),
    );
  }
  return causes;
}

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
];

/** Refuses to delete a namespace that a cluster cannot be without. @throws ApiError 403 */
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
