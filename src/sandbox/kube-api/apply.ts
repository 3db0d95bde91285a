import { both, fieldsOf, itemSegment, minus, removeAt, valueAt } from './fields.js';
import { equal, isObject, type JsonObject, type KubeObject, type ManagedFieldsEntry } from './json.js';
import { afterApply, appliedBefore, ownedByOthers, refuseConflicts, type Manager } from './managers.js';
import { propertySchema, type Schema } from './schema.js';

/**
 * Server-side apply: the live object with the applied configuration laid over it, less what this manager applied last
 * time, applies no more, and nobody else owns.
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
      const wanted = valueAt(configuration, path);
      const has = valueAt(live, path);
      // Owning an item or a map is owning that it is there, not what is in it.
      return isObject(wanted) && isObject(has) && path.at(-1)!.startsWith('k:') ? false : !equal(wanted, has);
    }),
  );
  if (!force) refuseConflicts(entries, differing, by);
  const merged = overlay(live, configuration, schema) as KubeObject;
  const dropped = minus(appliedBefore(entries, by), applied);
  const free = minus(dropped, both(dropped, ownedByOthers(entries, by)));
  // The deepest first: an item goes with its last field.
  for (const path of [...free.values()].toSorted((a, b) => b.length - a.length)) {
    if (!isObject(valueAt(merged, path)) || path.at(-1)!.startsWith('k:')) removeAt(merged, path);
  }
  merged.metadata.managedFields = afterApply(entries, live, merged, schema, applied, by);
  return merged;
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
