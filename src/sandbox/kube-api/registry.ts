import { BUILTINS } from './builtins.js';
import { customResources } from './crd.js';
import type { KubeObject } from './json.js';
import { apiVersionOf, type Resource } from './resource.js';
import { noSuchResource, PageNotFound } from './status.js';

/** The served resources: the built-in ones and those of the definitions. */
export class Registry {
  readonly #custom = new Map<string, readonly Resource[]>();

  all(): readonly Resource[] {
    return [...BUILTINS, ...[...this.#custom.values()].flat()];
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.all().find(
      (resource) => resource.group === group && resource.version === version && resource.plural === plural,
    );
  }

  /** The resources of one `group/version`. */
  ofVersion(groupVersion: string): Resource[] {
    return this.all().filter((resource) => apiVersionOf(resource) === groupVersion);
  }

  /** The named groups, each with its versions, in the order in which they are first served. */
  groups(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const { group, version } of this.all()) {
      if (group === '') continue;
      const versions = groups.get(group) ?? [];
      if (!versions.includes(version)) versions.push(version);
      groups.set(group, versions);
    }
    return groups;
  }

  /** The error for a path of the group that is not served. */
  notServed(group: string): Error {
    return BUILTINS.some((resource) => resource.group === group) ? noSuchResource() : new PageNotFound();
  }

  /** Serves the resources of the definition, in place of its earlier ones. */
  define(definition: KubeObject): void {
    this.#custom.set(definition.metadata.name, customResources(definition));
  }

  forget(definition: KubeObject): readonly Resource[] {
    const resources = this.#custom.get(definition.metadata.name) ?? [];
    this.#custom.delete(definition.metadata.name);
    return resources;
  }
}
