import { localError } from './errors.js';
import { isRecord } from '../json.js';

/** Where the API serves a kind of object; `group` is empty for the core API. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** One object's name; `namespace` only for namespaced types. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** The fields of metav1.ObjectMeta that every object served by the API has; all others pass through. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  /** Compared for equality and sent back to the API; only `isEarlierVersion` reads it as a number. */
  readonly resourceVersion: string;
  readonly [field: string]: unknown;
}

/** Any object as the API serves it. */
export interface KubeObject {
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** `namespace/name`; `/name` for cluster-scoped objects. */
export function objectKey({ namespace = '', name }: ObjectRef): string {
  return `${namespace}/${name}`;
}

/**
 * Takes a value from the API as an object.
 *
 * @throws KubeError `MalformedResponse` when it lacks a name, uid or resourceVersion
 */
export function asObject(value: unknown, what: string): KubeObject {
  if (isKubeObject(value)) return value;
  throw localError(
    'MalformedResponse',
    `${what}: not an object of the API: metadata.name, uid or resourceVersion is missing`,
  );
}

function isKubeObject(value: unknown): value is KubeObject {
  const metadata = isRecord(value) ? value['metadata'] : undefined;
  if (!isRecord(metadata)) return false;
  const { name, uid, resourceVersion, namespace = '' } = metadata;
  return isText(name) && isText(uid) && isText(resourceVersion) && typeof namespace === 'string';
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
