import { equal, isObject, own, type JsonObject } from './json.js';
import { ApiError, badRequest } from './status.js';

/** RFC 7396. It changes neither the patch nor the target. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(own(result, key), value);
  }
  return result;
}

/** The merge keys of the lists that a strategic merge patch merges; `null`: the items themselves. */
const MERGED_LISTS: Readonly<Record<string, string | null>> = {
  finalizers: null,
  ownerReferences: 'uid',
  secrets: 'name',
  imagePullSecrets: 'name',
};

/**
 * The part of strategic merge patch that kubectl needs for the built-in kinds here: a merge patch that merges the few
 * lists that have merge keys, and knows `$patch: delete` and `$deleteFromPrimitiveList`.
 */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    const listName = /^\$deleteFromPrimitiveList\/(.+)$/.exec(key)?.[1];
    if (listName !== undefined) {
      const list = own(result, listName);
      if (Array.isArray(list) && Array.isArray(value)) {
        result[listName] = list.filter((item) => !value.includes(item));
      }
    } else if (key.startsWith('$')) continue;
    else if (value === null) delete result[key];
    else if (Array.isArray(value) && Object.hasOwn(MERGED_LISTS, key)) {
      result[key] = mergeLists(own(result, key), value, MERGED_LISTS[key]!);
    } else result[key] = strategicMergePatch(own(result, key), value);
  }
  return result;
}

function mergeLists(target: unknown, patch: readonly unknown[], mergeKey: string | null): unknown[] {
  const result: unknown[] = Array.isArray(target) ? [...target] : [];
  const identity = (item: unknown): unknown => (mergeKey === null ? item : own(item, mergeKey));
  for (const item of patch) {
    const index = result.findIndex((candidate) => equal(identity(candidate), identity(item)));
    if (own(item, '$patch') === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index < 0) result.push(withoutDirectives(item));
    else result[index] = strategicMergePatch(result[index], item);
  }
  return result;
}

function withoutDirectives(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('$')));
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/** The most operations of one patch, as on a real API server. */
const MOST_OPERATIONS = 10_000;

/** RFC 6902. @throws ApiError 400 for a malformed patch, 422 for a `test` that fails or a path that is not there */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  if (patch.length > MOST_OPERATIONS) {
    throw new ApiError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`,
    );
  }
  const document = { root: structuredClone(target) };
  for (const raw of patch) {
    if (!isObject(raw) || typeof raw['op'] !== 'string' || !OPERATIONS.has(raw['op'])) {
      throw badRequest(`invalid operation ${JSON.stringify(raw)}: unsupported operation`);
    }
    const operation = raw as unknown as Operation;
    if (typeof operation.path !== 'string') throw badRequest('invalid operation: missing path');
    operate(document, operation);
  }
  return document.root;
}

function operate(document: { root: unknown }, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'test':
      if (!equal(read(document, path), value === undefined ? null : value)) throw refused();
      return;
    case 'add':
      write(document, path, structuredClone(value), true);
      return;
    case 'replace':
      if (read(document, path) === undefined) throw refused();
      write(document, path, structuredClone(value), false);
      return;
    case 'remove':
      remove(document, path);
      return;
    case 'copy':
      write(document, path, structuredClone(present(read(document, from ?? ''))), true);
      return;
    default: {
      const moved = present(read(document, from ?? ''));
      remove(document, from ?? '');
      write(document, path, moved, true);
    }
  }
}

/** The server's only message for a patch that does not fit the object. */
function refused(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

function present(value: unknown): unknown {
  if (value === undefined) throw refused();
  return value;
}

function segments(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw refused();
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function child(parent: unknown, segment: string): unknown {
  if (Array.isArray(parent)) return parent[indexOf(segment, parent.length - 1)];
  return own(parent, segment);
}

function indexOf(segment: string, last: number): number {
  if (!/^(0|[1-9]\d*)$/.test(segment) || Number(segment) > last) throw refused();
  return Number(segment);
}

function read(document: { root: unknown }, pointer: string): unknown {
  return segments(pointer).reduce<unknown>((value, segment) => child(value, segment), document.root);
}

function write(document: { root: unknown }, pointer: string, value: unknown, insert: boolean): void {
  const path = segments(pointer);
  const last = path.pop();
  if (last === undefined) {
    document.root = value;
    return;
  }
  const parent = path.reduce<unknown>((found, segment) => child(found, segment), document.root);
  if (Array.isArray(parent)) {
    const index =
      last === '-' && insert ? parent.length : indexOf(last, insert ? parent.length : parent.length - 1);
    parent.splice(index, insert ? 0 : 1, value);
  } else if (isObject(parent) && last !== '__proto__') parent[last] = value;
  else throw refused();
}

function remove(document: { root: unknown }, pointer: string): void {
  const path = segments(pointer);
  const last = path.pop();
  const parent = path.reduce<unknown>((found, segment) => child(found, segment), document.root);
  if (last === undefined) throw refused();
  if (Array.isArray(parent)) parent.splice(indexOf(last, parent.length - 1), 1);
  else if (isObject(parent) && Object.hasOwn(parent, last)) delete parent[last];
  else throw refused();
}
