import type { JsonObject, KubeObject } from './json.js';
import type { Resource } from './resource.js';

/** The form of objects that the client requests in its Accept header. */
export type View = 'object' | 'metadata' | 'table';

/** The query's `includeObject`: what a table's rows contain besides the cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** The first of the header's media types that can be served; undefined when none can. */
export function viewOf(accept: string | undefined): View | undefined {
  for (const part of (accept ?? '*/*').split(',')) {
    const [type, ...parameters] = part.split(';').map((text) => text.trim());
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    const jsonType = type === 'application/json' || type === '*/*' || type === 'application/*';
    if (!jsonType || (as !== undefined && !parameters.includes('v=v1'))) continue;
    if (as === undefined) return 'object';
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  return undefined;
}

/** Objects as a `meta.k8s.io/v1` Table. Cells come from what is served, in the resource's own version. */
export function toTable(
  resource: Resource,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  include: IncludeObject,
  now: number,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: resource.columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? '',
      description,
      priority,
    })),
    rows: objects.map((object) => ({
      cells: resource.columns.map(({ cell }) => cell(object, now)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : partial(object) }),
    })),
  };
}

/** `PartialObjectMetadata`: only the metadata of the object. */
export function partial(object: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
