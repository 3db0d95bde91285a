import {
  both,
  describePath,
  fieldsOf,
  fromFieldsV1,
  minus,
  toFieldsV1,
  valueAt,
  type FieldSet,
} from './fields.js';
import { equal, type JsonObject, type ManagedFieldsEntry } from './json.js';
import type { Schema } from './schema.js';
import { ApiError } from './status.js';

/** The identity of a `managedFields` entry. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** `status` or undefined: the object itself. */
  readonly subresource: string | undefined;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

function isEntryOf(entry: ManagedFieldsEntry, { manager, operation, subresource }: Manager): boolean {
  return entry.manager === manager && entry.operation === operation && entry.subresource === subresource;
}

function entryOf({ subresource, ...manager }: Manager, fields: FieldSet): ManagedFieldsEntry {
  const entry: ManagedFieldsEntry = { ...manager, fieldsType: 'FieldsV1', fieldsV1: toFieldsV1(fields) };
  return subresource === undefined ? entry : { ...entry, subresource };
}

/** The fields whose values differ between two objects, including removed ones. */
export function changedFields(before: JsonObject, after: JsonObject, schema: Schema): FieldSet {
  const all = new Map([...fieldsOf(before, schema), ...fieldsOf(after, schema)]);
  return new Map([...all].filter(([, path]) => !equal(valueAt(before, path), valueAt(after, path))));
}

/** `managedFields` after an update: the writer becomes the only owner of the changed fields. */
export function afterUpdate(
  entries: readonly ManagedFieldsEntry[],
  before: JsonObject,
  after: JsonObject,
  schema: Schema,
  by: Manager,
): ManagedFieldsEntry[] {
  const changed = changedFields(before, after, schema);
  if (changed.size === 0) return [...entries];
  const mine = entries.find((entry) => isEntryOf(entry, by));
  const present = both(changed, fieldsOf(after, schema));
  const kept = minus(fromFieldsV1(mine?.fieldsV1), changed);
  const owned = new Map([...kept, ...present]);
  return [
    ...withoutFields(
      entries.filter((entry) => entry !== mine),
      changed,
    ),
    ...(owned.size === 0 ? [] : [entryOf(by, owned)]),
  ];
}

/** `managedFields` after an apply: the manager owns exactly the applied fields, and alone those that it changed. */
export function afterApply(
  entries: readonly ManagedFieldsEntry[],
  before: JsonObject,
  after: JsonObject,
  schema: Schema,
  applied: FieldSet,
  by: Manager,
): ManagedFieldsEntry[] {
  const mine = entries.find((entry) => isEntryOf(entry, by));
  const others = withoutFields(
    entries.filter((entry) => entry !== mine),
    changedFields(before, after, schema),
  );
  if (applied.size === 0) return others;
  const entry = entryOf(by, applied);
  const same = mine !== undefined && equal(mine.fieldsV1, entry.fieldsV1);
  return [...others, same ? mine : entry];
}

function withoutFields(entries: readonly ManagedFieldsEntry[], fields: FieldSet): ManagedFieldsEntry[] {
  return entries.flatMap((entry) => {
    const before = fromFieldsV1(entry.fieldsV1);
    const left = minus(before, fields);
    if (left.size === before.size) return [entry];
    return left.size === 0 ? [] : [{ ...entry, fieldsV1: toFieldsV1(left) }];
  });
}

/** What the manager applied last time. */
export function appliedBefore(entries: readonly ManagedFieldsEntry[], by: Manager): FieldSet {
  return fromFieldsV1(entries.find((entry) => isEntryOf(entry, by))?.fieldsV1);
}

/** The fields of other managers. */
export function ownedByOthers(entries: readonly ManagedFieldsEntry[], by: Manager): FieldSet {
  const others = entries.filter((entry) => !isEntryOf(entry, by));
  return new Map(others.flatMap((entry) => [...fromFieldsV1(entry.fieldsV1)]));
}

/** Refuses an apply that would change fields of others. @throws ApiError 409 with the fields and their owners */
export function refuseConflicts(
  entries: readonly ManagedFieldsEntry[],
  changed: FieldSet,
  by: Manager,
): void {
  const conflicts = entries
    .filter((entry) => !isEntryOf(entry, by))
    .map((entry) => {
      const using = entry.operation === 'Update' ? ` using ${entry.apiVersion}` : '';
      const where = entry.subresource === undefined ? '' : ` with subresource "${entry.subresource}"`;
      return {
        owner: `${JSON.stringify(entry.manager)}${where}${using}`,
        fields: [...both(fromFieldsV1(entry.fieldsV1), changed).values()].map(describePath),
      };
    })
    .filter(({ fields }) => fields.length > 0);
  const count = conflicts.reduce((sum, { fields }) => sum + fields.length, 0);
  if (count === 0) return;
  const summary = conflicts
    .map(({ owner, fields }) =>
      fields.length === 1
        ? `conflict with ${owner}: ${fields[0]}`
        : `conflicts with ${owner}:\n${fields.map((field) => `- ${field}`).join('\n')}`,
    )
    .join('\n');
  const message = `Apply failed with ${count} conflict${count === 1 ? '' : 's'}: ${summary}`;
  throw new ApiError(409, 'Conflict', message, {
    causes: conflicts.flatMap(({ owner, fields }) =>
      fields.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field })),
    ),
  });
}
