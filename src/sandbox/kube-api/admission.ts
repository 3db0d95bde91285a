import { definitions, namespaces } from './builtins.js';
import { checkRules } from './cel.js';
import { checkDefinition } from './crd.js';
import { isObject, type JsonObject, type KubeObject } from './json.js';
import { checkMetadata, metadataOf } from './metadata.js';
import { applyDefaults, pruneUnknownFields } from './prune.js';
import { apiVersionOf, type Resource } from './resource.js';
import { badRequest, invalid, invalidValue, type Cause } from './status.js';
import { shown, type Target, type WriteOptions } from './target.js';
import { validate } from './validate.js';

const UNCHECKED: Cause = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  field: '<nil>',
};
/** After these problems a CEL rule could read missing values. */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/**
 * Reads the body of a write as an object of the target's kind, without the fields that its schema does not know.
 *
 * @throws ApiError 400 or 422
 */
export function decode({ resource, namespace }: Target, body: unknown, options: WriteOptions): KubeObject {
  const apiVersion = apiVersionOf(resource);
  if (!isObject(body))
    throw badRequest(
      `the object provided is unrecognized (must be of type ${resource.kind}): it is no JSON object`,
    );
  const object = { apiVersion: undefined, kind: undefined, ...structuredClone(body) } as JsonObject;
  if (resource.custom && !object['kind']) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${resource.kind}): Object 'Kind' is missing`,
    );
  }
  object['apiVersion'] ??= apiVersion;
  object['kind'] ??= resource.kind;
  if (object['apiVersion'] !== apiVersion) {
    throw badRequest(
      `the API version in the data (${shown(object['apiVersion'])}) does not match the expected API version (${apiVersion})`,
    );
  }
  const metadata = metadataOf(object);
  object['metadata'] = metadata;
  const subject = { group: resource.group, kind: resource.kind, name: shown(metadata['name'] ?? '') };
  if (object['kind'] !== resource.kind) {
    const kind = shown(object['kind']);
    throw invalid({ ...subject, kind }, [invalidValue('kind', kind, `must be ${resource.kind}`)]);
  }
  if (
    metadata['namespace'] !== undefined &&
    metadata['namespace'] !== '' &&
    metadata['namespace'] !== namespace
  ) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const unknown = pruneUnknownFields(object, resource.schema).map((field) => `unknown field "${field}"`);
  if (options.fieldValidation === 'Strict' && unknown.length > 0) {
    throw badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: strict decoding error: ${unknown.join(', ')}`,
    );
  }
  if (options.fieldValidation === 'Warn') for (const warning of unknown) options.warn(warning);
  for (const [key, value] of Object.entries(metadata)) if (value === null) delete metadata[key];
  const causes = validate(metadata, undefined, resource.schema.properties!['metadata']!, 'metadata');
  if (causes.length > 0) throw invalid(subject, causes);
  metadata['name'] ??= '';
  return object as KubeObject;
}

/** Fills in the schema's defaults and those of the kind. */
export function complete(resource: Resource, object: KubeObject): void {
  applyDefaults(object, resource.schema);
  resource.admit?.(object);
}

/** @throws ApiError 422 with every problem */
export function check(resource: Resource, object: KubeObject, old: KubeObject | undefined): void {
  const causes = checkMetadata(object, old, resource === namespaces);
  const { metadata: _, ...fields } = object;
  const { metadata: __, ...oldFields } = old ?? { metadata: undefined };
  const before = old === undefined ? undefined : oldFields;
  causes.push(...validate(fields, before, resource.schema, ''));
  if (resource.custom) {
    if (causes.some(({ reason }) => BLOCKING.has(reason))) causes.push(UNCHECKED);
    else causes.push(...checkRules(object, old, resource.schema, ''));
  }
  if (causes.length === 0) causes.push(...(resource.check?.(object, old) ?? []));
  if (causes.length === 0 && resource === definitions) causes.push(...checkDefinition(object));
  if (causes.length === 0) return;
  // The events API reports problems under the core group.
  const group = resource.kind === 'Event' ? '' : resource.group;
  throw invalid({ group, kind: resource.kind, name: object.metadata.name }, causes);
}
