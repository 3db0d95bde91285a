import type { ServerResponse } from 'node:http';
import {
  aggregated,
  AGGREGATED,
  coreVersions,
  oneGroup,
  groupList,
  resourceList,
  wantsAggregated,
} from './discovery.js';
import { handle } from './handler.js';
import type { JsonObject } from './json.js';
import type { Objects } from './objects.js';
import type { Target } from './target.js';
import { openApiDocument, openApiIndex } from './openapi.js';
import type { Registry } from './registry.js';
import type { Request } from './request.js';
import { subjectOf } from './resource.js';
import { methodNotAllowed, notFound, PageNotFound } from './status.js';

/** The answer; a string is sent as plain text. */
export interface Answer {
  readonly code: number;
  readonly contentType: string;
  readonly body: JsonObject | string;
  readonly warnings: readonly string[];
}

const VERSION = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+cloudjob-sandbox',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch}`,
};

const HEALTH = new Set(['healthz', 'readyz', 'livez']);

/** Answers a request. Undefined: the answer is already being sent (a watch). @throws ApiError, PageNotFound */
export function route(objects: Objects, request: Request, response: ServerResponse): Answer | undefined {
  const fixed = describeServer(objects.registry, request);
  if (fixed !== undefined) {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
    return fixed;
  }
  const reply = handle(objects, targetOf(objects.registry, request), request, response);
  return reply === undefined ? undefined : { ...reply, contentType: 'application/json' };
}

/** Discovery, OpenAPI, version and health. */
function describeServer(registry: Registry, { path, accept }: Request): Answer | undefined {
  const [root, ...rest] = path;
  if (root !== undefined && HEALTH.has(root)) return { ...json({}), contentType: 'text/plain', body: 'ok' };
  if (root === 'version') return json(VERSION);
  if (root === 'openapi' && rest[0] === 'v3') {
    return json(
      rest.length === 1 ? openApiIndex(registry) : openApiDocument(registry, rest.slice(2).join('/')),
    );
  }
  if (root === 'api' && rest.length < 2) {
    if (rest.length === 1) return json(resourceList(registry, '', rest[0]!));
    return wantsAggregated(accept) ? aggregate(registry, root) : json(coreVersions());
  }
  if (root === 'apis' && rest.length < 3) {
    if (rest.length === 2) return json(resourceList(registry, rest[0]!, rest[1]!));
    if (rest.length === 1) return json(oneGroup(registry, rest[0]!));
    return wantsAggregated(accept) ? aggregate(registry, root) : json(groupList(registry));
  }
  return undefined;
}

function json(body: JsonObject): Answer {
  return { code: 200, contentType: 'application/json', body, warnings: [] };
}

function aggregate(registry: Registry, root: 'api' | 'apis'): Answer {
  return { ...json(aggregated(registry, root)), contentType: AGGREGATED };
}

/** @throws ApiError 404, PageNotFound */
function targetOf(registry: Registry, { path }: Request): Target {
  const [root, ...rest] = path;
  if (root !== 'api' && root !== 'apis') throw new PageNotFound();
  const groupName = root === 'api' ? '' : rest.shift()!;
  const version = rest.shift() ?? '';
  // `namespaces/x` and `namespaces/x/status` are the namespace itself, `namespaces/x/secrets` is in it.
  const inside = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status';
  const namespace = inside ? rest[1] : undefined;
  const [plural, name = '', subresource, ...tooMuch] = inside ? rest.slice(2) : rest;
  const resource = registry.find(groupName, version, plural ?? '');
  if (resource === undefined || tooMuch.length > 0) throw registry.notServed(groupName);
  if (resource.namespaced ? name !== '' && namespace === undefined : namespace !== undefined) {
    throw registry.notServed(groupName);
  }
  if (subresource !== undefined && (subresource !== 'status' || !resource.hasStatus)) {
    throw resource.custom ? notFound(subjectOf(resource, name)) : registry.notServed(groupName);
  }
  return { resource, namespace, name, subresource };
}
