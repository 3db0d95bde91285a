import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { cloudJobCrd, crdYaml } from '../../../src/api/crd.js';
import type { StructuralSchema } from '../../../src/api/structural.js';

const version = cloudJobCrd().spec.versions[0]!;
const root = version.schema.openAPIV3Schema;
const fields = [...walk(root, '')];

/** Every field at every level, list items and map values included; metadata is the API server's own. */
function* walk(schema: StructuralSchema, path: string): Generator<[path: string, schema: StructuralSchema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (path !== '' || name !== 'metadata') yield* walk(property, `${path}.${name}`);
  }
  if (schema.items !== undefined) yield* walk(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* walk(schema.additionalProperties, `${path}{}`);
}

function at(path: string): StructuralSchema {
  return fields.find(([name]) => name === path)?.[1] ?? {};
}

describe('the CustomResourceDefinition', () => {
  it('is what crds/ holds; if not, run "npm run crd"', () => {
    const file = readFileSync(new URL('../../../crds/cloudjob.dev_cloudjobs.yaml', import.meta.url), 'utf8');

    expect(file).toBe(crdYaml());
  });

  it('says in its YAML what the object says', () => {
    expect(load(crdYaml())).toEqual(structuredClone(cloudJobCrd()));
  });

  it('has in its rules only what Kubernetes 1.25 knows, so that strict clients send it', () => {
    const rules = fields.flatMap(([, schema]) => (schema['x-kubernetes-validations'] ?? []) as object[]);

    expect(rules).toHaveLength(5);
    expect(new Set(rules.flatMap((rule) => Object.keys(rule)))).toEqual(new Set(['rule', 'message']));
  });

  it('has the columns that people know', () => {
    const names = (priority: number) =>
      version.additionalPrinterColumns
        .filter((column) => (column.priority ?? 0) === priority)
        .map(({ name }) => name.toUpperCase())
        .join(' ');

    expect(names(0)).toBe('TYPE PHASE PROGRESS READY REASON AGE');
    expect(names(1)).toBe('JOB-ID RESOURCE STARTED FINISHED MESSAGE');
  });

  it('lets a fresh object never look finished', () => {
    expect(at('.status').default).toEqual({ observedGeneration: -1 });
    expect(version.subresources).toEqual({ status: {} });
  });

  it('shows the defaults of the spec', () => {
    expect(at('.spec.suspend').default).toBe(false);
    expect(at('.spec.readyWhen').default).toBe('Succeeded');
    expect(at('.spec.observationDeadlineSeconds').default).toBe(600);
  });

  it('requires only a spec and its jobID from a user', () => {
    expect(root.required).toEqual(['spec']);
    expect(at('.spec').required).toEqual(['jobID']);
    expect(at('.status').required).toBeUndefined();
  });

  it('keys conditions by type, so that appliers share the list', () => {
    expect(at('.status.conditions')).toMatchObject({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    });
    expect(at('.status.subJobs')).toMatchObject({ 'x-kubernetes-list-type': 'atomic' });
  });

  it('is walked to its leaves by the tests below', () => {
    expect(fields.map(([path]) => path)).toEqual(
      expect.arrayContaining([
        '.spec.credentialsRef.name',
        '.status.subJobs[].updateTime',
        '.status.extendParam{}',
        '.status.conditions[].message',
      ]),
    );
  });

  it.each(fields)('describes the field "%s" in a sentence', (_, schema) => {
    expect(schema.description).toMatch(/^[A-Z\d-].{8,}\.$/s);
  });

  it.each(fields.filter(([, { type }]) => type === 'string'))('bounds the string "%s"', (_, schema) => {
    expect(Number(schema.maxLength ?? (schema.enum as string[]).length)).toBeGreaterThan(0);
  });

  it.each(fields.filter(([, { type }]) => type === 'integer'))('bounds the integer "%s"', (_, schema) => {
    expect(schema.minimum).toBeGreaterThanOrEqual(-1);
    if (schema.format === 'int64') {
      expect(schema.maximum).toBeUndefined();
    } else {
      expect(schema.format).toBe('int32');
      expect(schema.maximum).toBeLessThan(2 ** 31);
    }
  });

  it.each(fields.filter(([, { type }]) => type === 'array'))('bounds the list "%s"', (_, schema) => {
    expect(schema.maxItems).toBeGreaterThan(0);
    expect(schema['x-kubernetes-list-type']).toMatch(/^(map|atomic)$/);
  });

  it.each(fields.filter(([, schema]) => schema.additionalProperties !== undefined))(
    'bounds the map "%s"',
    (_, schema) => {
      expect(schema.maxProperties).toBeGreaterThan(0);
    },
  );

  it.each(fields.filter(([, { pattern }]) => pattern !== undefined))(
    'has in "%s" a pattern that means the same to RE2 and to JavaScript',
    (_, { pattern }) => {
      expect(pattern).toMatch(/^\^.*\$$/);
      expect(pattern).not.toMatch(/\(\?|\\/);
    },
  );

  it.each(fields)('is structural in "%s"', (_, schema) => {
    const keywords = new Set(Object.keys(schema));

    expect(typeof schema.type).toBe('string');
    for (const keyword of [
      '$ref',
      '$schema',
      'definitions',
      'anyOf',
      'oneOf',
      'allOf',
      'not',
      'nullable',
      'propertyNames',
    ]) {
      expect(keywords).not.toContain(keyword);
    }
    expect(schema.exclusiveMinimum).toBeUndefined();
    expect([false, true]).not.toContain(schema.additionalProperties);
  });

  it('says in every rule what is wrong and what to do', () => {
    const rules = fields.flatMap(
      ([, schema]) => (schema['x-kubernetes-validations'] ?? []) as { message: string }[],
    );

    expect(rules).toHaveLength(5);
    for (const { message } of rules)
      expect(message).toMatch(/^(jobID|projectID|region|clusterType) (is|cannot be) .+: .{20,}/);
  });
});
