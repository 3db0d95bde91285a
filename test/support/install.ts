import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import * as z from 'zod';
import type { KubeAnswer, KubeClient } from './kubeClient.js';

/** Where deploy/install.yaml puts the operator, and as whom it runs there. */
export const OPERATOR_NAMESPACE = 'cloudjob-system';
export const OPERATOR_ACCOUNT = 'cloudjob-operator';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
/** How long a token is good, in seconds: longer than any run of the tests, and not less than the API server allows. */
const TOKEN_SECONDS = 7200;

const ruleSchema = z.strictObject({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()),
});
export type Rule = z.output<typeof ruleSchema>;

const manifestSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  rules: z.array(ruleSchema).optional(),
});
export type Manifest = z.output<typeof manifestSchema>;

/** The objects of a file below deploy/. */
export function readManifests(path = 'install.yaml'): readonly Manifest[] {
  const yaml = readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
  return z.array(manifestSchema).parse(loadAll(yaml));
}

/** Creates the object, or makes it what it is to be. */
export async function put(client: KubeClient, manifest: Manifest): Promise<void> {
  const { name, namespace } = manifest.metadata;
  const path = collectionOf(manifest.kind, namespace);
  const created = await client.post(path, manifest);
  // Namespaces and service accounts are not changed by any version of the manifests; others write into them.
  const answer =
    created.status === 409 && manifest.rules !== undefined
      ? await client.put(`${path}/${name}`, manifest)
      : created;
  if (answer.status >= 300 && answer.status !== 409) {
    throw new Error(`${manifest.kind} ${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

/** Gives the operator's service account exactly what deploy/install.yaml does, and returns a token of it. */
export async function installRights(client: KubeClient): Promise<string> {
  const wanted = /^(Namespace|ServiceAccount|(Cluster)?Role(Binding)?)$/;
  for (const manifest of readManifests()) {
    if (wanted.test(manifest.kind)) await put(client, manifest);
  }
  return requestToken(client, OPERATOR_NAMESPACE, OPERATOR_ACCOUNT);
}

/** A token of a service account, as a pod gets it. */
export async function requestToken(client: KubeClient, namespace: string, name: string): Promise<string> {
  const { status, body }: KubeAnswer = await client.post(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: TOKEN_SECONDS },
    },
  );
  if (status !== 201) throw new Error(`no token for ${namespace}/${name}: ${status} ${JSON.stringify(body)}`);
  return z.object({ status: z.object({ token: z.string() }) }).parse(body).status.token;
}

function collectionOf(kind: string, namespace: string | undefined): string {
  const inNamespace = namespace === undefined ? '' : `/namespaces/${namespace}`;
  switch (kind) {
    case 'Namespace':
      return '/api/v1/namespaces';
    case 'ServiceAccount':
      return `/api/v1${inNamespace}/serviceaccounts`;
    default:
      return `${RBAC}${inNamespace}/${kind.toLowerCase()}s`;
  }
}
