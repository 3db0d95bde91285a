import type { JsonObject, KubeObject } from './json.js';
import type { Schema } from './schema.js';
import type { Cause, Subject } from './status.js';

/** One column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description: string;
  /** 0: always shown; above: only with `-o wide`. */
  readonly priority: number;
  readonly cell: (object: KubeObject, now: number) => unknown;
}

/** One resource in one version: all that differs between kinds. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Made from a CustomResourceDefinition. */
  readonly custom: boolean;
  /** Whether `/status` is written separately, and `generation` counts changes outside the status. */
  readonly hasStatus: boolean;
  readonly hasGeneration: boolean;
  /** The schema of the whole object, `metadata` included. */
  readonly schema: Schema;
  /** In the order of `kubectl get`. */
  readonly columns: readonly Column[];
  /** Its bucket in the store; two views of the same objects (events) share one. */
  readonly bucket: string;
  /** The fields for field selectors, besides `metadata.name` and `metadata.namespace`. */
  readonly selectable: Readonly<Record<string, (stored: KubeObject) => unknown>>;
  /** Converts between the stored form and this version's, if they differ in more than `apiVersion`. */
  readonly serve?: (stored: KubeObject) => KubeObject;
  readonly keep?: (served: KubeObject) => KubeObject;
  /** Fills in what the server adds, in place. @throws ApiError */
  readonly admit?: (object: KubeObject) => void;
  /** Problems that a schema cannot express. */
  readonly check?: (object: KubeObject, old: KubeObject | undefined) => Cause[];
}

export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

export function subjectOf({ group, plural }: Resource, name: string): Subject {
  return { group, kind: plural, name };
}

/** The stored object as this resource's version shows it. */
export function serve(resource: Resource, stored: KubeObject): KubeObject {
  if (resource.serve !== undefined) return resource.serve(stored);
  const apiVersion = apiVersionOf(resource);
  return stored.apiVersion === apiVersion ? stored : { ...stored, apiVersion };
}

/** Names and values that field selectors compare. */
export function selectableFields(resource: Resource, stored: KubeObject): Record<string, string> {
  const fields: Record<string, string> = {
    'metadata.name': stored.metadata.name,
    'metadata.namespace': stored.metadata.namespace ?? '',
  };
  for (const [name, read] of Object.entries(resource.selectable)) {
    const value = read(stored);
    fields[name] = typeof value === 'string' ? value : '';
  }
  return fields;
}

export function selectableNames(resource: Resource): string[] {
  return ['metadata.name', 'metadata.namespace', ...Object.keys(resource.selectable)];
}

/** The verbs of discovery. */
export const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
export const STATUS_VERBS = ['get', 'patch', 'update'];

/** The body of a reply to a list. */
export function listOf(resource: Resource, metadata: JsonObject, items: readonly unknown[]): JsonObject {
  return { apiVersion: apiVersionOf(resource), kind: resource.listKind, metadata, items };
}

/** The media types of a patch, as the API server of these kinds has them; server-side apply comes on top. */
export function patchTypesOf({ custom, group }: Resource): string[] {
  const types = ['application/json-patch+json', 'application/merge-patch+json'];
  if (!custom && group !== 'apiextensions.k8s.io') types.push('application/strategic-merge-patch+json');
  return types;
}
