import * as z from 'zod';
import { cloudJobSchema } from '../../src/api/crd.js';
import type { StructuralSchema } from '../../src/api/structural.js';
import { configSchema } from '../../src/settings/config.js';
import { code, markdownTable } from './table.js';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** JSON Schema of a CloudJob, for editors and kubeconform; unlike the CRD it refuses keys that do not exist. */
export function cloudJobJSONSchema(): string {
  const required = ['apiVersion', 'kind', 'metadata', 'spec'];
  return jsonText({ $schema: DRAFT, ...closed(cloudJobSchema()), required });
}

/** JSON Schema of the config file. */
export function configJSONSchema(): string {
  return jsonText(z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }));
}

/** A row for each field of `spec` or `status`, with all that is below it. */
export function apiFields(part: 'spec' | 'status'): string {
  const schema = cloudJobSchema().properties?.[part] ?? {};
  return markdownTable(['Field', 'Takes', 'Description'], rowsBelow('', schema));
}

interface Bounds {
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

function rowsBelow(path: string, schema: StructuralSchema): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = (schema['required'] as readonly string[] | undefined)?.includes(name) === true;
    const below = field.items ?? field;
    const here = `${path}${name}${field.items === undefined ? '' : '[]'}`;
    const takes = [isRequired ? 'required' : '', typeOf(field)].filter((text) => text !== '').join(', ');
    return [[code(here), takes, field.description ?? ''], ...rowsBelow(`${here}.`, below)];
  });
}

function typeOf(schema: StructuralSchema): string {
  const { type = '', format, items, additionalProperties } = schema;
  const { enum: words, pattern, maxItems, maxProperties } = schema as Bounds;
  if (words !== undefined) return words.map(code).join(' or ');
  if (items !== undefined) return `list of up to ${maxItems}`;
  if (additionalProperties !== undefined) return `map of up to ${maxProperties} strings`;
  if (format === 'date-time') return 'time';
  const shape = pattern === undefined ? '' : ` matching ${code(pattern)}`;
  return `${type}${boundsOf(schema)}${shape}`;
}

function boundsOf(schema: StructuralSchema): string {
  const { minimum, maximum, maxLength } = schema as Bounds;
  const parts = [
    minimum === undefined ? '' : ` from ${minimum}`,
    maximum === undefined ? '' : ` to ${maximum}`,
    maxLength === undefined ? '' : ` of up to ${maxLength} characters`,
  ];
  return parts.join('');
}

/** With no keys beside the listed ones in any object that lists some. */
function closed(schema: StructuralSchema): object {
  const { properties, items } = schema;
  return {
    ...schema,
    ...(items !== undefined && { items: closed(items) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, closed(field)]),
      ),
      additionalProperties: false,
    }),
  };
}

function jsonText(schema: object): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
