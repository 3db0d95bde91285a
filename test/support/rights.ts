import * as z from 'zod';
import type { Rule } from './install.js';
import type { KubeClient } from './kubeClient.js';

const reviewSchema = z.object({
  status: z.object({
    resourceRules: z.array(
      z.object({
        verbs: z.array(z.string()),
        apiGroups: z.array(z.string()),
        resources: z.array(z.string()),
        resourceNames: z.array(z.string()).optional(),
      }),
    ),
  }),
});

/** A rule as many rules of one right each. */
export function oneByOne({ apiGroups, resources, verbs, resourceNames }: Rule): Rule[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => ({
        apiGroups: [group],
        resources: [resource],
        verbs: [verb],
        ...(resourceNames === undefined ? {} : { resourceNames }),
      })),
    ),
  );
}

/** As these tests write a right: `verb resource.group`, with `/name` if it is tied to one. */
export function nameOf({ verbs, resources, apiGroups, resourceNames = [] }: Rule): string {
  return [`${verbs.join()} ${resources.join()}.${apiGroups.join()}`, ...resourceNames].join('/');
}

/** All that whoever asks may do in that namespace. */
export async function rightsIn(client: KubeClient, namespace: string): Promise<string[]> {
  const { body } = await client.post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  });
  return reviewSchema.parse(body).status.resourceRules.flatMap(oneByOne).map(nameOf);
}

/** Whether whoever asks has that right in that namespace. */
export async function hasRight(client: KubeClient, namespace: string, right: string): Promise<boolean> {
  const [verb, what = ''] = right.split(' ');
  const [, resource, subresource, group, name] = /^(\w+)(?:\/(\w+))?\.([^/]*)(?:\/(.*))?$/.exec(what) ?? [];
  const { body } = await client.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, verb, resource, subresource, group, name } },
  });
  return z.object({ status: z.object({ allowed: z.boolean() }) }).parse(body).status.allowed;
}
