import { compile } from './cel.js';
import { ageColumn, customColumn, nameColumn, type PrinterColumn } from './columns.js';
import { at, isObject, type JsonObject, type KubeObject } from './json.js';
import { compileJsonPath } from './jsonpath.js';
import type { Resource } from './resource.js';
import { wholeObject, type Schema } from './schema.js';
import { invalidValue, requiredValue, type Cause } from './status.js';

interface DefinitionVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
  readonly subresources?: { readonly status?: JsonObject };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
}

interface DefinitionSpec {
  readonly group: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly names: {
    readonly plural: string;
    readonly singular?: string;
    readonly kind: string;
    readonly listKind?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly DefinitionVersion[];
}

/** The problems because of which a CustomResourceDefinition cannot be served; rules and patterns are compiled. */
export function checkDefinition(definition: KubeObject): Cause[] {
  const spec = definition['spec'];
  const { group, scope, names, versions } = (isObject(spec) ? spec : {}) as Partial<DefinitionSpec>;
  if (typeof group !== 'string' || group === '') return [requiredValue('spec.group')];
  if (scope !== 'Namespaced' && scope !== 'Cluster') return [requiredValue('spec.scope')];
  if (!names?.plural || !names.kind) return [requiredValue('spec.names')];
  if (definition.metadata.name !== `${names.plural}.${group}`) {
    const problem = 'must be spec.names.plural+"."+spec.group';
    return [invalidValue('metadata.name', definition.metadata.name, problem)];
  }
  if (!Array.isArray(versions) || versions.filter(({ storage }) => storage).length !== 1) {
    return [invalidValue('spec.versions', {}, 'must have exactly one version marked as storage version')];
  }
  return versions.flatMap((version, index) => checkVersion(version, `spec.versions[${index}]`));
}

function checkVersion(version: DefinitionVersion, path: string): Cause[] {
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined) return [requiredValue(`${path}.schema.openAPIV3Schema`, 'schemas are required')];
  const causes = checkSchema(schema, `${path}.schema.openAPIV3Schema`);
  for (const [index, { jsonPath }] of (version.additionalPrinterColumns ?? []).entries()) {
    if (typeof jsonPath === 'string' && compileJsonPath(jsonPath) !== undefined) continue;
    causes.push(
      invalidValue(`${path}.additionalPrinterColumns[${index}].jsonPath`, jsonPath, 'cannot be read'),
    );
  }
  return causes;
}

function checkSchema(schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  const flexible = schema['x-kubernetes-int-or-string'] ?? schema['x-kubernetes-preserve-unknown-fields'];
  if (schema.type === undefined && flexible !== true)
    causes.push(requiredValue(`${path}.type`, 'must not be empty for specified object fields'));
  if (schema.pattern !== undefined)
    tryTo(() => new RegExp(schema.pattern!), `${path}.pattern`, schema.pattern, causes);
  for (const [index, { rule, messageExpression }] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const field = `${path}.x-kubernetes-validations[${index}]`;
    tryTo(() => compile(rule), `${field}.rule`, rule, causes);
    if (messageExpression !== undefined) {
      tryTo(() => compile(messageExpression), `${field}.messageExpression`, messageExpression, causes);
    }
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (path.endsWith('openAPIV3Schema') && name === 'metadata') continue;
    causes.push(...checkSchema(property, `${path}.properties[${name}]`));
  }
  if (isObject(schema.additionalProperties)) {
    causes.push(...checkSchema(schema.additionalProperties, `${path}.additionalProperties`));
  }
  if (schema.items !== undefined) causes.push(...checkSchema(schema.items, `${path}.items`));
  return causes;
}

function tryTo(compileIt: () => unknown, field: string, value: unknown, causes: Cause[]): void {
  try {
    compileIt();
  } catch (error) {
    causes.push(invalidValue(field, value, error instanceof Error ? error.message : 'cannot be compiled'));
  }
}

/** The resources of a checked definition: one for each served version. */
export function customResources(definition: KubeObject): Resource[] {
  const { group, scope, names, versions } = definition['spec'] as DefinitionSpec;
  return versions
    .filter(({ served }) => served)
    .map((version) => ({
      group,
      version: version.name,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      kind: names.kind,
      listKind: names.listKind ?? `${names.kind}List`,
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: scope === 'Namespaced',
      custom: true,
      hasStatus: version.subresources?.status !== undefined,
      hasGeneration: true,
      schema: wholeObject(version.schema?.openAPIV3Schema ?? {}),
      columns: [nameColumn, ...(version.additionalPrinterColumns?.map(customColumn) ?? [ageColumn])],
      bucket: `${group}/${names.plural}`,
      selectable: {},
    }));
}

/** The definition's status when it is served, which is at once here. */
export function establishedStatus(definition: KubeObject, now: string): JsonObject {
  const { names, versions } = definition['spec'] as DefinitionSpec;
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: at(definition, 'metadata', 'creationTimestamp') ?? now,
  });
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: {
      singular: names.kind.toLowerCase(),
      listKind: `${names.kind}List`,
      ...names,
    },
    storedVersions: versions.filter(({ storage }) => storage).map(({ name }) => name),
  };
}
