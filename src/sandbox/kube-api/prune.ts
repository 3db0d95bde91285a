import { isObject, type JsonObject } from './json.js';
import { keepsUnknown, propertySchema, type Schema } from './schema.js';

/** The most unknown fields that are named one by one. */
const MOST_UNKNOWN = 100;

/** Removes, in place, the fields that the schema does not know; returns their paths in order. */
export function pruneUnknownFields(value: unknown, schema: Schema): string[] {
  const removed: string[] = [];
  visit(value, schema, '', removed);
  return removed.toSorted().slice(0, MOST_UNKNOWN);
}

function visit(value: unknown, schema: Schema, path: string, removed: string[]): void {
  if (Array.isArray(value)) {
    if (schema.items === undefined) return;
    for (const [index, item] of value.entries()) visit(item, schema.items, `${path}[${index}]`, removed);
    return;
  }
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    const property = propertySchema(schema, key);
    const field = path === '' ? key : `${path}.${key}`;
    if (property !== undefined) visit(value[key], property, field, removed);
    else if (!keepsUnknown(schema)) {
      removed.push(field);
      delete value[key];
    }
  }
}

/** Fills in, in place, the defaults of the schema; a null where null is not allowed counts as absent. */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    defaultProperty(value, key, property);
  for (const [key, item] of Object.entries(value)) {
    const property = propertySchema(schema, key);
    if (property !== undefined) applyDefaults(item, property);
  }
}

function defaultProperty(object: JsonObject, key: string, property: Schema): void {
  if (property.default === undefined) return;
  const absent = object[key] === undefined || (object[key] === null && property.nullable !== true);
  if (absent) object[key] = structuredClone(property.default);
}
