import type { KubeClient, ListOptions } from '../../kube/client.js';
import type { KubeObject, ResourceType } from '../../kube/object.js';

/** The most objects that one command reads. */
const MAX_OBJECTS = 10_000;

/** All pages of a list; `isCut`: there are more objects than a command reads. @throws KubeError */
export async function listObjects(
  client: Pick<KubeClient, 'list'>,
  type: ResourceType,
  options: Omit<ListOptions, 'continueToken'>,
  signal: AbortSignal,
): Promise<{ readonly objects: readonly KubeObject[]; readonly isCut: boolean }> {
  const objects: KubeObject[] = [];
  let page = await client.list(type, options, signal);
  for (;;) {
    objects.push(...page.items);
    if (page.continueToken === undefined) return { objects, isCut: false };
    if (objects.length >= MAX_OBJECTS) return { objects, isCut: true };
    page = await client.list(
      type,
      { ...options, continueToken: page.continueToken, limit: page.limit },
      signal,
    );
  }
}
