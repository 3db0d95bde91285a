import { equal, isObject, own, type JsonObject } from './json.js';
import { itemKey, propertySchema, type Schema } from './schema.js';

/**
 * The path of a field, in segments of FieldsV1. `f:name` is a property, `k:{…}` the item of a `map` list with those keys,
 * `v:…` the item of a `set`.
 */
export type FieldPath = readonly string[];

/** A set of fields, by their joined paths. */
export type FieldSet = Map<string, FieldPath>;

/** No two paths give the same text: segments are JSON strings here. */
function keyOf(path: FieldPath): string {
  return JSON.stringify(path);
}

export function add(set: FieldSet, path: FieldPath): void {
  set.set(keyOf(path), path);
}

/** The paths of `set` that are not in `other`. */
export function minus(set: FieldSet, other: FieldSet): FieldSet {
  return new Map([...set].filter(([key]) => !other.has(key)));
}

/** The paths in both sets. */
export function both(set: FieldSet, other: FieldSet): FieldSet {
  return new Map([...set].filter(([key]) => other.has(key)));
}

/** Metadata that belongs to the server and to no manager. */
const SERVERS_OWN = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
]);

/** The leaves of an object: a manager that wrote all of it owns them. */
export function fieldsOf(object: JsonObject, schema: Schema): FieldSet {
  const set: FieldSet = new Map();
  for (const [key, value] of Object.entries(object)) {
    if (key === 'apiVersion' || key === 'kind') continue;
    const property = propertySchema(schema, key);
    if (key !== 'metadata') collect(value, property, [`f:${key}`], set);
    else if (isObject(value)) {
      for (const [name, part] of Object.entries(value)) {
        if (!SERVERS_OWN.has(name))
          collect(part, propertySchema(property, name), ['f:metadata', `f:${name}`], set);
      }
    }
  }
  return set;
}

function collect(value: unknown, schema: Schema | undefined, path: FieldPath, set: FieldSet): void {
  if (isObject(value) && schema?.['x-kubernetes-map-type'] !== 'atomic' && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) {
      collect(item, propertySchema(schema, key), [...path, `f:${key}`], set);
    }
    return;
  }
  if (Array.isArray(value) && value.length > 0) {
    const segments = value.map((item) => itemSegment(schema, item));
    if (segments.every((segment) => segment !== undefined)) {
      for (const [index, segment] of segments.entries()) {
        add(set, [...path, segment]);
        if (isObject(value[index])) collect(value[index], schema?.items, [...path, segment], set);
      }
      return;
    }
  }
  add(set, path);
}

/** `k:…` or `v:…` of an item of a granular list; undefined in an atomic one. */
export function itemSegment(schema: Schema | undefined, item: unknown): string | undefined {
  if (schema?.['x-kubernetes-list-type'] === 'set') return `v:${JSON.stringify(item)}`;
  const key = isObject(item) ? itemKey(schema, item) : undefined;
  return key === undefined ? undefined : `k:${JSON.stringify(key)}`;
}

/** The value of a field; undefined when it is not there. */
export function valueAt(object: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((value, segment) => step(value, segment)?.value, object);
}

function step(value: unknown, segment: string): { key: string | number; value: unknown } | undefined {
  const rest = segment.slice(2);
  if (segment.startsWith('f:')) {
    const found = own(value, rest);
    return found === undefined ? undefined : { key: rest, value: found };
  }
  if (!Array.isArray(value)) return undefined;
  const wanted: unknown = JSON.parse(rest);
  const index = value.findIndex((item) =>
    segment.startsWith('v:')
      ? equal(item, wanted)
      : Object.entries(wanted as JsonObject).every(([key, part]) => equal(own(item, key), part)),
  );
  return index < 0 ? undefined : { key: index, value: value[index] as unknown };
}

/** Removes a field in place, and the containers that it leaves empty. */
export function removeAt(object: unknown, path: FieldPath): void {
  const [segment, ...rest] = path;
  const found = segment === undefined ? undefined : step(object, segment);
  if (found === undefined) return;
  if (rest.length > 0) {
    removeAt(found.value, rest);
    if (!isEmpty(found.value)) return;
  }
  if (Array.isArray(object)) object.splice(found.key as number, 1);
  else delete (object as JsonObject)[found.key];
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

/** FieldsV1, the form of `managedFields`. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const root: JsonObject = {};
  for (const path of set.values()) {
    let node = root;
    for (const segment of path) {
      node[segment] ??= {};
      node = node[segment] as JsonObject;
    }
    node['.'] = {};
  }
  return withoutLeafDots(root);
}

function withoutLeafDots(node: JsonObject): JsonObject {
  const entries = Object.entries(node);
  if (entries.length === 1 && entries[0]![0] === '.') return {};
  return Object.fromEntries(entries.map(([key, child]) => [key, withoutLeafDots(child as JsonObject)]));
}

export function fromFieldsV1(node: unknown): FieldSet {
  const set: FieldSet = new Map();
  visit(node, [], set);
  return set;
}

function visit(node: unknown, path: FieldPath, set: FieldSet): void {
  if (!isObject(node)) return;
  const children = Object.entries(node).filter(([key]) => /^[fkv]:/.test(key));
  if (path.length > 0 && (children.length === 0 || Object.hasOwn(node, '.'))) add(set, path);
  for (const [key, child] of children) visit(child, [...path, key], set);
}

/** For people: `.spec.keyed[k="a"].v`. */
export function describePath(path: FieldPath): string {
  return path
    .map((segment) => {
      const rest = segment.slice(2);
      if (segment.startsWith('f:')) return `.${rest}`;
      if (segment.startsWith('v:')) return `[=${rest}]`;
      const keys = Object.entries(JSON.parse(rest) as JsonObject);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
