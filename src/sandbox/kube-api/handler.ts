import { CORE_SCHEMA, load } from 'js-yaml';
import type { ServerResponse } from 'node:http';
import { applyConfiguration } from './apply.js';
import { isObject, own, parseJson, type JsonObject, type KubeObject } from './json.js';
import { list } from './list.js';
import { metadataOf } from './metadata.js';
import type { Objects } from './objects.js';
import { preconditionsOf, type Target, type WriteOptions } from './target.js';
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.js';
import { decodeProtobuf, PROTOBUF } from './protobuf.js';
import { pruneUnknownFields } from './prune.js';
import { isDryRun, isTrue, wholeNumber, writeOptions, type Request } from './request.js';
import { apiVersionOf, listOf, patchTypesOf, subjectOf, type Resource } from './resource.js';
import {
  ApiError,
  badRequest,
  conflict,
  invalid,
  methodNotAllowed,
  notFound,
  requiredValue,
  success,
  unsupportedMediaType,
} from './status.js';
import { partial, toTable, viewOf, type IncludeObject, type View } from './table.js';
import { watch } from './watch.js';

/** The answer to a handled request. */
export interface Reply {
  readonly code: number;
  readonly body: JsonObject;
  readonly warnings: readonly string[];
}

const OBJECT_BODIES = ['application/json', 'application/yaml', PROTOBUF];
const APPLY = 'application/apply-patch+yaml';

/**
 * Carries out a request on a resource. A watch writes to `response` itself and returns undefined.
 *
 * @throws ApiError
 */
export function handle(
  objects: Objects,
  target: Target,
  request: Request,
  response: ServerResponse,
): Reply | undefined {
  const view = viewOf(request.accept);
  if (view === undefined) {
    throw new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json');
  }
  const shown = presenter(objects, target.resource, request, view);
  return target.name === ''
    ? handleCollection(objects, target, request, response, shown)
    : handleObject(objects, target, request, shown);
}

function handleCollection(
  objects: Objects,
  target: Target,
  request: Request,
  response: ServerResponse,
  shown: Presenter,
): Reply | undefined {
  const { resource, namespace } = target;
  switch (request.method) {
    case 'GET': {
      if (isTrue(request.query, 'watch')) {
        watch(objects.store, objects.clock, resource, namespace, request, shown.one, response);
        return undefined;
      }
      const { objects: found, metadata } = list(objects.store, resource, namespace, request);
      return reply(200, shown.many(found, metadata));
    }
    case 'POST': {
      if (resource.namespaced && namespace === undefined) throw methodNotAllowed();
      const warnings: string[] = [];
      const options = writeOptions(request, (message) => warnings.push(message));
      const created = objects.create(target, parseBody(request, OBJECT_BODIES), options);
      return reply(201, shown.one(created), warnings);
    }
    case 'DELETE': {
      const { objects: found, metadata } = list(objects.store, resource, namespace, request);
      for (const { metadata: one } of found) {
        const each = { ...target, name: one.name, namespace: one.namespace };
        objects.delete(each, {}, isDryRun(request.query));
      }
      return reply(200, listOf(resource, metadata, found));
    }
    default:
      throw methodNotAllowed();
  }
}

function handleObject(objects: Objects, target: Target, request: Request, shown: Presenter): Reply {
  const { resource, name, subresource } = target;
  const warnings: string[] = [];
  const options = writeOptions(request, (message) => warnings.push(message));
  switch (request.method) {
    case 'GET':
      if (isTrue(request.query, 'watch')) {
        throw badRequest('watch an object through its collection, with fieldSelector=metadata.name');
      }
      return reply(200, shown.one(objects.get(target)));
    case 'PUT':
      return reply(
        200,
        shown.one(objects.update(target, parseBody(request, OBJECT_BODIES), options)),
        warnings,
      );
    case 'PATCH': {
      const { object, created } = patch(objects, target, request, options);
      return reply(created ? 201 : 200, shown.one(object), warnings);
    }
    case 'DELETE': {
      if (subresource !== undefined) throw methodNotAllowed();
      const body = request.body.length === 0 ? {} : parseBody(request, [...OBJECT_BODIES, '']);
      const { object, gone } = objects.delete(
        target,
        preconditionsOf(body),
        isDryRun(request.query) || own(body, 'dryRun') !== undefined,
      );
      return reply(200, gone ? success(subjectOf(resource, name), object.metadata.uid) : shown.one(object));
    }
    default:
      throw methodNotAllowed();
  }
}

function patch(
  objects: Objects,
  target: Target,
  request: Request,
  options: WriteOptions,
): { object: KubeObject; created: boolean } {
  const body = parseBody(request, [...patchTypesOf(target.resource), APPLY]);
  if (request.contentType === APPLY) return apply(objects, target, body, request, options);
  const current = objects.get(target);
  const patched = PATCHES[request.contentType]!(current, body);
  // If a patch has no managedFields, the server keeps them.
  return { object: objects.update(target, patched, options, true), created: false };
}

const PATCHES: Readonly<Record<string, (current: KubeObject, body: unknown) => unknown>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': (current, body) => mergePatch(current, mustBeObject(body)),
  'application/strategic-merge-patch+json': (current, body) =>
    strategicMergePatch(current, mustBeObject(body)),
};

function mustBeObject(body: unknown): JsonObject {
  if (isObject(body)) return body;
  throw badRequest('error decoding patch: a merge patch is a JSON object');
}

/** Server-side apply, which creates a missing object. */
function apply(
  objects: Objects,
  target: Target,
  body: unknown,
  { query }: Request,
  options: WriteOptions,
): { object: KubeObject; created: boolean } {
  const { resource, namespace, name, subresource } = target;
  const subject = subjectOf(resource, name);
  if (!query.get('fieldManager')) {
    const problem = requiredValue('fieldManager', 'is required for apply patch');
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions', name: '' }, [problem]);
  }
  const configuration = mustBeObject(body);
  if (configuration['apiVersion'] !== apiVersionOf(resource) || configuration['kind'] !== resource.kind) {
    const kind = typeof configuration['kind'] === 'string' ? configuration['kind'] : '';
    throw badRequest(`invalid object type: ${apiVersionOf(resource)}, Kind=${kind}`);
  }
  const metadata = metadataOf(configuration);
  if (metadata['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil');
  const unknown = pruneUnknownFields(configuration, resource.schema);
  if (unknown.length > 0) {
    throw new ApiError(
      500,
      undefined,
      `failed to create typed patch object (${namespace ?? ''}/${name}; ${apiVersionOf(resource)}, Kind=${resource.kind}): .${unknown[0]}: field not declared in schema`,
    );
  }
  const by = objects.manager(target, options, 'Apply');
  const live = objects.find(target);
  if (live === undefined) {
    if (subresource !== undefined) throw notFound(subject);
    if (metadata['uid'] !== undefined) {
      throw conflict(
        subject,
        `uid mismatch: the provided object specified uid ${JSON.stringify(metadata['uid'])}, and no existing object was found`,
      );
    }
    const empty = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: {} } as KubeObject;
    const withName = { ...configuration, metadata: { ...metadata, name } };
    const merged = applyConfiguration(empty, withName, resource.schema, by, true);
    return { object: objects.create(target, merged, options), created: true };
  }
  if (
    metadata['resourceVersion'] !== undefined &&
    metadata['resourceVersion'] !== live.metadata.resourceVersion
  ) {
    throw conflict(subject);
  }
  // On /status the rest of the configuration is ignored, and on the object its status is ignored.
  const relevant = { ...configuration };
  if (subresource === 'status')
    for (const key of Object.keys(relevant)) if (key !== 'status') delete relevant[key];
  if (subresource === undefined && resource.hasStatus) delete relevant['status'];
  const merged = applyConfiguration(live, relevant, resource.schema, by, isTrue(query, 'force'));
  return { object: objects.replaceApplied(target, merged, options), created: false };
}

/** @throws ApiError 415 for a type that is not accepted here, 400 for a body that cannot be read */
function parseBody({ contentType, body }: Request, accepted: readonly string[]): unknown {
  // Go's server treats a body without a Content-Type as JSON.
  if (!accepted.includes(contentType) && !(contentType === '' && accepted.includes('application/json'))) {
    throw unsupportedMediaType(accepted.filter((type) => type !== ''));
  }
  if (contentType === PROTOBUF) return decodeProtobuf(body);
  try {
    const text = body.toString('utf8');
    return contentType.endsWith('yaml') ? load(text, { schema: CORE_SCHEMA }) : parseJson(text);
  } catch (error) {
    throw badRequest(
      `the object provided is unrecognized: ${error instanceof Error ? error.message : 'not JSON'}`,
    );
  }
}

interface Presenter {
  readonly one: (object: KubeObject) => JsonObject;
  readonly many: (objects: readonly KubeObject[], metadata: JsonObject) => JsonObject;
}

function presenter({ clock }: Objects, resource: Resource, { query }: Request, view: View): Presenter {
  wholeNumber(query, 'limit');
  switch (view) {
    case 'object':
      return { one: (object) => object, many: (objects, metadata) => listOf(resource, metadata, objects) };
    case 'metadata':
      return {
        one: partial,
        many: (objects, metadata) => ({
          kind: 'PartialObjectMetadataList',
          apiVersion: 'meta.k8s.io/v1',
          metadata,
          items: objects.map(partial),
        }),
      };
    case 'table': {
      const include = includeObject(query);
      return {
        one: (object) =>
          toTable(
            resource,
            [object],
            { resourceVersion: object.metadata.resourceVersion },
            include,
            clock.now(),
          ),
        many: (objects, metadata) => toTable(resource, objects, metadata, include, clock.now()),
      };
    }
  }
}

function includeObject(query: URLSearchParams): IncludeObject {
  const wanted = query.get('includeObject') ?? '';
  if (wanted === '' || wanted === 'Metadata') return 'Metadata';
  if (wanted === 'None' || wanted === 'Object') return wanted;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(wanted)}`);
}

function reply(code: number, body: JsonObject, warnings: readonly string[] = []): Reply {
  return { code, body, warnings };
}
