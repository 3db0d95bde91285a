import type { JsonObject } from './json.js';
import type { Registry } from './registry.js';
import { apiVersionOf, STATUS_VERBS, VERBS, type Resource } from './resource.js';
import { PageNotFound } from './status.js';

/** The media type that clients of aggregated discovery request, and of the reply. */
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export function wantsAggregated(accept: string | undefined): boolean {
  return accept?.split(',').some((type) => type.replaceAll(' ', '') === AGGREGATED) ?? false;
}

export function aggregated(registry: Registry, root: 'api' | 'apis'): JsonObject {
  const groups = root === 'api' ? new Map([['', ['v1']]]) : registry.groups();
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [...groups].map(([group, versions]) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versions.map((version) => ({
        version,
        resources: registry.ofVersion(apiVersionOf({ group, version })).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(resource: Resource): JsonObject {
  const { group, version, kind } = resource;
  const responseKind = { group, version, kind };
  return {
    resource: resource.plural,
    responseKind,
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: VERBS,
    shortNames: resource.shortNames,
    categories: resource.categories,
    ...(resource.hasStatus
      ? { subresources: [{ subresource: 'status', responseKind, verbs: STATUS_VERBS }] }
      : {}),
  };
}

export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

export function groupList(registry: Registry): JsonObject {
  const groups = [...registry.groups()].map(([name, versions]) => groupOf(name, versions));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** @throws PageNotFound */
export function oneGroup(registry: Registry, name: string): JsonObject {
  const versions = registry.groups().get(name);
  if (versions === undefined) throw new PageNotFound();
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, versions) };
}

function groupOf(name: string, names: readonly string[]): JsonObject {
  const versions = names.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

/** @param group empty: the core group. @throws ApiError or PageNotFound */
export function resourceList(registry: Registry, group: string, version: string): JsonObject {
  const groupVersion = apiVersionOf({ group, version });
  const served = registry.ofVersion(groupVersion);
  if (served.length === 0) throw registry.notServed(group);
  const resources = served.flatMap((resource) => {
    const { plural, singular, namespaced, kind, shortNames, categories } = resource;
    const main = {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: VERBS,
      ...(shortNames.length > 0 ? { shortNames } : {}),
      ...(categories.length > 0 ? { categories } : {}),
    };
    const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: STATUS_VERBS };
    return resource.hasStatus ? [main, status] : [main];
  });
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}
