import * as z from 'zod';
import { PUBLIC_CLOUDS } from '../../src/cloud/regions.js';
import type { FlagTable } from '../../src/commandLine.js';
import { configSchema } from '../../src/settings/config.js';
import { RUN_FLAGS } from '../../src/settings/flags.js';
import { code, markdownTable } from './table.js';

/** The flags of `run`. */
export function flags(): string {
  return markdownTable(
    ['Flag', 'Environment', 'Takes', 'What it does'],
    Object.values<FlagTable[string]>(RUN_FLAGS).map(({ flag, env = '', takes = '', help }) => [
      code(flag),
      code(env),
      code(takes),
      help,
    ]),
  );
}

/** The keys of the config file, out of its schema. */
export function configFile(): string {
  return markdownTable(
    ['Key', 'Takes', 'Default', 'What it does'],
    rowsOf('', z.toJSONSchema(configSchema, { io: 'input' })),
  );
}

/** The built-in regions, by whose they are. */
export function builtInRegions(): string {
  return markdownTable(
    ['Cloud', 'Endpoints', 'Regions'],
    PUBLIC_CLOUDS.map(({ cloud, domain, regions }) => [
      cloud,
      `${code(`https://cce.REGION.${domain}`)}, ${code(`https://iam.REGION.${domain}`)}`,
      regions.map(code).join(', '),
    ]),
  );
}

type Schema = z.core.JSONSchema._JSONSchema;

function rowsOf(key: string, schema: Schema): string[][] {
  if (typeof schema === 'boolean') return [];
  if (schema.oneOf !== undefined) return schema.oneOf.map((one) => choiceRow(key, one));
  const below = { ...schema.properties, ...namedByUser(schema) };
  if (Object.keys(below).length > 0) {
    return Object.entries(below).flatMap(([name, inner]) =>
      rowsOf(key === '' ? name : `${key}.${name}`, inner),
    );
  }
  const byDefault = schema.default === undefined ? '' : code(JSON.stringify(schema.default));
  return [[code(key), valueOf(schema), byDefault, schema.description ?? '']];
}

/** Of a record: what stands below each of its names. */
function namedByUser({ additionalProperties }: z.core.JSONSchema.BaseSchema): Record<string, Schema> {
  return typeof additionalProperties === 'object' ? { NAME: additionalProperties } : {};
}

/** One form of a value that has several. */
function choiceRow(key: string, schema: Schema): string[] {
  if (typeof schema === 'boolean') return [];
  const fields = Object.entries(schema.properties ?? {}).map(([name, inner]) =>
    typeof inner === 'object' && inner.const !== undefined ? `${name}: ${String(inner.const)}` : name,
  );
  return [code(key), code(`{ ${fields.join(', ')} }`), '', schema.description ?? ''];
}

function valueOf({ type, minimum, maximum, minItems, maxItems }: z.core.JSONSchema.BaseSchema): string {
  switch (type) {
    case 'number':
      return `a number from ${minimum} to ${maximum}`;
    case 'integer':
      return `a whole number from ${minimum} to ${maximum}`;
    case 'array':
      return `a list of ${minItems} to ${maxItems}`;
    default:
      return 'a text';
  }
}
