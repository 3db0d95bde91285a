import { builtin, describe, string, strings } from './builtin.js';
import { ageColumn, column, count, nameColumn } from './columns.js';
import { isBase64 } from './formats.js';
import { at, equal, isObject, type JsonObject, type KubeObject } from './json.js';
import { badRequest, forbiddenValue, invalidValue, type Cause } from './status.js';

const data = describe(strings, 'Keys consist of alphanumeric characters, "-", "_" or ".".');

export const secrets = builtin({
  group: '',
  plural: 'secrets',
  kind: 'Secret',
  columns: [
    nameColumn,
    column('Type', (object) => object['type']),
    column('Data', (object) => count(object, 'data')),
    ageColumn,
  ],
  selectable: { type: (object) => object['type'] },
  schema: {
    description: 'Secret holds secret data of a certain type.',
    properties: {
      data: describe(strings, 'The secret data, each value encoded as base64.'),
      stringData: describe(strings, 'Write-only: values that the server encodes and merges into data.'),
      immutable: describe({ type: 'boolean' }, 'If true, the data cannot be changed any more.'),
      type: describe(string, 'What kind of secret it is. Default Opaque.'),
    },
  },
  admit: encodeSecret,
  check: (secret, old) => [
    ...checkDataKeys(secret, ['data']),
    ...(old !== undefined && old['type'] !== secret['type']
      ? [invalidValue('type', secret['type'], 'field is immutable')]
      : []),
    ...checkImmutable(secret, old, ['data']),
  ],
});

function encodeSecret(secret: KubeObject): void {
  const encoded: JsonObject = isObject(secret['data']) ? secret['data'] : {};
  for (const [key, value] of Object.entries(encoded)) {
    if (typeof value !== 'string' || !isBase64(value)) {
      throw badRequest(
        `Secret in version "v1" cannot be handled as a Secret: v1.Secret.Data: decode base64: illegal base64 data in ${JSON.stringify(key)}`,
      );
    }
  }
  if (isObject(secret['stringData'])) {
    for (const [key, value] of Object.entries(secret['stringData'])) {
      if (typeof value !== 'string')
        throw badRequest(`v1.Secret.StringData: ${JSON.stringify(key)} is no string`);
      encoded[key] = Buffer.from(value, 'utf8').toString('base64');
    }
  }
  delete secret['stringData'];
  if (Object.keys(encoded).length > 0) secret['data'] = encoded;
  if (typeof secret['type'] !== 'string' || secret['type'] === '') secret['type'] = 'Opaque';
}

export const configMaps = builtin({
  group: '',
  plural: 'configmaps',
  kind: 'ConfigMap',
  shortNames: ['cm'],
  columns: [
    nameColumn,
    column('Data', (object) => count(object, 'data') + count(object, 'binaryData')),
    ageColumn,
  ],
  schema: {
    description: 'ConfigMap holds configuration data for programs to use.',
    properties: {
      data,
      binaryData: describe(strings, 'Binary data, each value encoded as base64.'),
      immutable: describe({ type: 'boolean' }, 'If true, the data cannot be changed any more.'),
    },
  },
  check: (map, old) => [
    ...checkDataKeys(map, ['data', 'binaryData']),
    ...checkImmutable(map, old, ['data', 'binaryData']),
  ],
});

function checkDataKeys(object: KubeObject, fields: readonly string[]): Cause[] {
  return fields.flatMap((field) =>
    Object.keys(at(object, field) ?? {})
      .filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key))
      .map((key) =>
        invalidValue(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ),
      ),
  );
}

function checkImmutable(object: KubeObject, old: KubeObject | undefined, fields: readonly string[]): Cause[] {
  if (old?.['immutable'] !== true) return [];
  const problem = 'field is immutable when `immutable` is set';
  const changed = fields.filter((field) => !equal(old[field], object[field]));
  if (object['immutable'] !== true) changed.unshift('immutable');
  return changed.map((field) => forbiddenValue(field, problem));
}
