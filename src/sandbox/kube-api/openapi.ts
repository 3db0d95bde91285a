import { createHash } from 'node:crypto';
import type { JsonObject } from './json.js';
import type { Registry } from './registry.js';
import { apiVersionOf, patchTypesOf, type Resource } from './resource.js';
import { objectMetaSchema, type Schema } from './schema.js';
import { PageNotFound } from './status.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** The path under `/openapi/v3` of each version's document. */
export function openApiIndex(registry: Registry): JsonObject {
  const groupVersions = new Set(registry.all().map(apiVersionOf));
  const paths = [...groupVersions].map((groupVersion) => {
    const path = `${groupVersion.includes('/') ? 'apis' : 'api'}/${groupVersion}`;
    const document = JSON.stringify(openApiDocument(registry, groupVersion));
    const hash = createHash('sha256').update(document).digest('hex').toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

/** The document for `kubectl explain`; it also shows that writes accept `fieldValidation`. @throws PageNotFound */
export function openApiDocument(registry: Registry, groupVersion: string): JsonObject {
  const resources = registry.ofVersion(groupVersion);
  if (resources.length === 0) throw new PageNotFound();
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: groupVersion },
    paths: Object.fromEntries(resources.flatMap(pathsOf)),
    components: {
      schemas: {
        [META]: objectMetaSchema,
        ...Object.fromEntries(resources.map((resource) => [schemaName(resource), schemaOf(resource)])),
      },
    },
  };
}

function schemaName({ group, version, kind }: Resource): string {
  const reversed = group === '' ? 'io.k8s.api.core' : group.split('.').toReversed().join('.');
  return `${reversed}.${version}.${kind}`;
}

function schemaOf(resource: Resource): JsonObject {
  const schema: Schema = resource.schema;
  return {
    ...schema,
    properties: {
      ...schema.properties,
      metadata: {
        description: objectMetaSchema.description,
        allOf: [{ $ref: `#/components/schemas/${META}` }],
        default: {},
      },
    },
    'x-kubernetes-group-version-kind': [gvk(resource)],
  };
}

function gvk({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind };
}

function pathsOf(resource: Resource): [path: string, item: JsonObject][] {
  const root = resource.group === '' ? '/api/v1' : `/apis/${apiVersionOf(resource)}`;
  const collection = `${root}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}`;
  const patchTypes = [...patchTypesOf(resource), 'application/apply-patch+yaml'];
  return [
    [
      collection,
      {
        get: operation(resource, 'list', []),
        post: operation(resource, 'post', WRITE_PARAMETERS, ['application/json']),
      },
    ],
    [
      `${collection}/{name}`,
      {
        get: operation(resource, 'get', []),
        put: operation(resource, 'put', WRITE_PARAMETERS, ['application/json']),
        patch: operation(resource, 'patch', WRITE_PARAMETERS, patchTypes),
        delete: operation(resource, 'delete', ['dryRun']),
      },
    ],
  ];
}

const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'];

function operation(
  resource: Resource,
  action: string,
  parameters: readonly string[],
  bodyTypes: readonly string[] = [],
): JsonObject {
  const schema = { $ref: `#/components/schemas/${schemaName(resource)}` };
  const content = Object.fromEntries(bodyTypes.map((type) => [type, { schema }]));
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(resource),
    parameters: parameters.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
    ...(bodyTypes.length > 0 ? { requestBody: { content } } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } },
  };
}
