import { fieldsOf, itemSegment, minus, removeAt, valueAt, type FieldPath, type FieldSet } from './fields.js';
import {
  equal,
  isObject,
  own,
  parseJson,
  type JsonObject,
  type KubeObject,
  type ManagedFieldsEntry,
} from './json.js';
import { afterApply, appliedBefore, ownedByOthers, refuseConflicts, type Manager } from './managers.js';
import { propertySchema, type Schema } from './schema.js';

/**
 * Server-side apply: merges the applied configuration into the live object, and removes the fields that this manager
 * applied last time, does not apply now, and no other manager owns.
 *
 * @throws ApiError 409 when another manager owns a field that would change, unless `force`
 */
export function applyConfiguration(
  live: KubeObject,
  configuration: JsonObject,
  schema: Schema,
  by: Manager,
  force: boolean,
): KubeObject {
  const entries: readonly ManagedFieldsEntry[] = live.metadata.managedFields ?? [];
  const applied = fieldsOf(configuration, schema);
  const differing = new Map(
    [...applied].filter(([, path]) => {
      // The owner of an item owns its presence, not its content.
      const isThere = path.at(-1)!.startsWith('k:') && valueAt(live, path) !== undefined;
      return !isThere && !equal(valueAt(configuration, path), valueAt(live, path));
    }),
  );
  if (!force) refuseConflicts(entries, minus(differing, appliedOnClientSide(live, schema, by)), by);
  const merged = overlay(live, configuration, schema) as KubeObject;
  const wanted = new Map([...ownedByOthers(entries, by), ...applied]);
  for (const path of minus(appliedBefore(entries, by), wanted).values()) {
    if (!isItemKey(path) && !holdsAny(path, wanted)) removeAt(merged, path);
  }
  merged.metadata.managedFields = afterApply(entries, live, merged, schema, applied, by);
  return merged;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** What kubectl applied on the client side before: server-side apply may take over those fields. */
function appliedOnClientSide({ metadata }: KubeObject, schema: Schema, by: Manager): FieldSet {
  const text = metadata.annotations?.[LAST_APPLIED];
  if (by.manager !== 'kubectl' || text === undefined) return new Map();
  try {
    const applied = parseJson(text);
    return isObject(applied) ? fieldsOf(applied, schema) : new Map();
  } catch {
    // The annotation is not kubectl's.
    return new Map();
  }
}

/** Whether any of the fields is inside this one. */
function holdsAny(path: FieldPath, fields: FieldSet): boolean {
  return [...fields.values()].some(
    (field) => field.length > path.length && path.every((segment, index) => segment === field[index]),
  );
}

/** Whether it is a key of a list's item: it is removed only with the item. */
function isItemKey(path: FieldPath): boolean {
  const item = path.at(-2);
  return (
    item?.startsWith('k:') === true && own(JSON.parse(item.slice(2)), path.at(-1)!.slice(2)) !== undefined
  );
}

/** A new value: maps and granular lists merged, everything else replaced. */
function overlay(live: unknown, applied: unknown, schema: Schema | undefined): unknown {
  if (isObject(applied)) {
    const base =
      isObject(live) && schema?.['x-kubernetes-map-type'] !== 'atomic' ? structuredClone(live) : {};
    for (const [key, value] of Object.entries(applied)) {
      base[key] = overlay(base[key], value, propertySchema(schema, key));
    }
    return base;
  }
  if (!Array.isArray(applied) || !Array.isArray(live)) return structuredClone(applied);
  if (applied.some((item) => itemSegment(schema, item) === undefined)) return structuredClone(applied);
  const items: unknown[] = [...live];
  for (const item of applied) {
    const index = items.findIndex(
      (candidate) => itemSegment(schema, candidate) === itemSegment(schema, item),
    );
    if (index < 0) items.push(structuredClone(item));
    else items[index] = overlay(items[index], item, schema?.items);
  }
  return items;
}
