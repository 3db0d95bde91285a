import { ageColumn, nameColumn } from './columns.js';
import { at, type KubeObject } from './json.js';
import type { Resource } from './resource.js';
import { wholeObject, type Schema } from './schema.js';
import { badRequest } from './status.js';

export const string: Schema = { type: 'string' };
export const strings: Schema = { type: 'object', additionalProperties: string };
export const int32: Schema = { type: 'integer', format: 'int32' };
export const anything: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
export const time: Schema = { type: 'string', format: 'date-time', nullable: true };

export function describe(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** The parts that a built-in kind defines; the rest is the same for most. */
type Part = Pick<Resource, 'group' | 'plural' | 'kind' | 'schema'> & Partial<Resource>;

export function builtin(part: Part): Resource {
  return {
    version: 'v1',
    singular: part.kind.toLowerCase(),
    listKind: `${part.kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    custom: false,
    hasStatus: false,
    hasGeneration: false,
    columns: [nameColumn, ageColumn],
    bucket: `${part.group}/${part.plural}`,
    selectable: {},
    ...part,
    schema: wholeObject(part.schema),
  };
}

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/** @throws ApiError 400 for a time that is not a MicroTime: six fraction digits, as the API server requires */
export function checkMicroTimes(object: KubeObject, paths: readonly (readonly string[])[]): void {
  for (const path of paths) {
    const value = at(object, ...path);
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' && MICRO_TIME.test(value)) continue;
    throw badRequest(
      `${object.kind} in version "v1" cannot be handled as a ${object.kind}: ${path.join('.')}: parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00"`,
    );
  }
}
