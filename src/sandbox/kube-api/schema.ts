import type { JsonObject } from './json.js';

/** A CEL rule of a schema. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** A structural schema (OpenAPI v3, as CustomResourceDefinitions have it). */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

const string: Schema = { type: 'string' };
const strings: Schema = { type: 'object', additionalProperties: string };

/** metav1.ObjectMeta: the same for every kind. */
export const objectMetaSchema: Schema = {
  type: 'object',
  description:
    "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
  properties: {
    name: { ...string, description: 'Name is unique within a namespace. Cannot be updated.' },
    generateName: { ...string, description: 'Prefix of a name that the server makes up.' },
    namespace: { ...string, description: 'Namespace within which the name is unique. Cannot be updated.' },
    selfLink: { ...string, description: 'Deprecated, never set.' },
    uid: { ...string, description: 'UID tells objects of the same name apart over time. Read-only.' },
    resourceVersion: {
      ...string,
      description: 'Opaque version of the object, for optimistic concurrency and watches. Read-only.',
    },
    generation: {
      type: 'integer',
      format: 'int64',
      description: 'Number of the desired state that this is. Read-only.',
    },
    creationTimestamp: { ...string, format: 'date-time', description: 'When it was created. Read-only.' },
    deletionTimestamp: {
      ...string,
      format: 'date-time',
      description: 'When its deletion was asked for. Read-only.',
    },
    deletionGracePeriodSeconds: {
      type: 'integer',
      format: 'int64',
      description: 'Seconds it may take to end gracefully. Read-only.',
    },
    labels: { ...strings, description: 'Keys and values to select objects by.' },
    annotations: { ...strings, description: 'Keys and values for tools to keep.' },
    finalizers: {
      type: 'array',
      items: string,
      'x-kubernetes-list-type': 'set',
      description: 'Must be empty before the object is removed.',
    },
    ownerReferences: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      description: 'Objects that this one depends on.',
      items: {
        type: 'object',
        required: ['apiVersion', 'kind', 'name', 'uid'],
        properties: {
          apiVersion: string,
          kind: string,
          name: string,
          uid: string,
          controller: { type: 'boolean' },
          blockOwnerDeletion: { type: 'boolean' },
        },
      },
    },
    managedFields: {
      type: 'array',
      description: 'Who set which fields last; kept by the server.',
      items: {
        type: 'object',
        properties: {
          manager: string,
          operation: string,
          apiVersion: string,
          time: string,
          fieldsType: string,
          fieldsV1: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          subresource: string,
        },
      },
    },
  },
};

/** A kind's own fields with `apiVersion`, `kind` and `metadata` put before them. */
export function wholeObject(schema: Schema): Schema {
  return {
    ...schema,
    type: 'object',
    properties: {
      apiVersion: {
        ...string,
        description: 'APIVersion defines the versioned schema of this representation of an object.',
      },
      kind: { ...string, description: 'Kind is the REST resource that this object represents.' },
      ...schema.properties,
      metadata: objectMetaSchema,
    },
  };
}

/** The schema of a property; undefined when the schema does not know it. */
export function propertySchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined;
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** Whether unknown properties of an object of this schema stay. */
export function keepsUnknown(schema: Schema): boolean {
  return (
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema.additionalProperties === true ||
    schema['x-kubernetes-int-or-string'] === true
  );
}

/** The identity of an item of a `map` list: the values of its keys, defaults included; undefined for other lists. */
export function itemKey(schema: Schema | undefined, item: JsonObject): JsonObject | undefined {
  const keys =
    schema?.['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined;
  if (keys === undefined) return undefined;
  return Object.fromEntries(
    keys.toSorted().map((key) => [key, item[key] ?? schema?.items?.properties?.[key]?.default]),
  );
}
