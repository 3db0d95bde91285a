import { isObject, type JsonObject, type KubeObject, type ObjectMeta } from './json.js';
import { forbiddenValue, invalidValue, requiredValue, type Cause } from './status.js';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const QUALIFIED_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** The most bytes of all annotations of one object. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** The metadata of an object that was checked before. */
export function metadataOf(object: JsonObject): JsonObject {
  return isObject(object['metadata']) ? object['metadata'] : {};
}

/** Problems of the metadata that users write; `label`: names of this kind are single labels (namespaces). */
export function checkMetadata(object: KubeObject, old: KubeObject | undefined, label: boolean): Cause[] {
  const { metadata } = object;
  const causes: Cause[] = [];
  if (old === undefined) causes.push(...checkName(metadata, label));
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (!QUALIFIED_NAME.test(key))
      causes.push(
        invalidValue(
          'metadata.labels',
          key,
          "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
      );
    if (typeof value !== 'string' || value.length > 63 || !LABEL_VALUE.test(value)) {
      causes.push(
        invalidValue(
          'metadata.labels',
          value,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
      );
    }
  }
  const annotations = JSON.stringify(metadata.annotations ?? {}).length;
  if (annotations > ANNOTATIONS_LIMIT) {
    const message = `Too long: may not be more than ${ANNOTATIONS_LIMIT} bytes`;
    causes.push({ reason: 'FieldValueTooLong', message, field: 'metadata.annotations' });
  }
  if (old?.metadata.deletionTimestamp !== undefined) causes.push(...checkFinalizers(metadata, old.metadata));
  return causes;
}

function checkName({ name }: ObjectMeta, label: boolean): Cause[] {
  if (name === '') return [requiredValue('metadata.name', 'name or generateName is required')];
  if (label && (name.length > 63 || name.includes('.') || !SUBDOMAIN.test(name))) {
    return [invalidValue('metadata.name', name, LABEL_RULE)];
  }
  if (name.length > 253) return [invalidValue('metadata.name', name, 'must be no more than 253 characters')];
  return SUBDOMAIN.test(name) ? [] : [invalidValue('metadata.name', name, SUBDOMAIN_RULE)];
}

function checkFinalizers(metadata: ObjectMeta, old: ObjectMeta): Cause[] {
  const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
  if (added.length === 0) return [];
  const names = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  return [
    forbiddenValue(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`,
    ),
  ];
}

/** Metadata that only the server sets, copied from the current object. */
export function keepServerMetadata(metadata: ObjectMeta, old: ObjectMeta): void {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, namespace } =
    old;
  Object.assign(metadata, { uid, creationTimestamp });
  for (const [key, value] of Object.entries({
    generation,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    namespace,
  })) {
    if (value === undefined) delete metadata[key];
    else metadata[key] = value;
  }
  // Empty maps and lists are dropped, as in the API server.
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
    const value = metadata[key];
    if (value === null || (typeof value === 'object' && Object.keys(value).length === 0))
      delete metadata[key];
  }
}

/** RFC 3339 in whole seconds, as metav1.Time. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
}
