import { errorText } from '../../errorText.js';
import { isRecord } from '../../json.js';
import { isNotServed } from '../../kube/errors.js';
import { DEPLOYMENTS } from '../../kube/resources.js';
import { withDeadline } from '../../signals.js';
import { cleanText } from '../../text.js';
import { CommandError, problemOf, type Cluster } from '../cluster.js';
import { servedVersions } from '../doctor/crd.js';
import { clean } from '../shown.js';
import { VERSION } from '../version.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';

/** The plugin's version is of use without a cluster: a cluster that does not answer delays it by this at most. */
const CLUSTER_MS = 5000;
const MAX_PROBLEM = 300;

type Found =
  { readonly kind: 'found'; readonly text: string } | { readonly kind: 'problem'; readonly problem: string };

/**
 * Prints the versions of the plugin, of the CRD and of the operator. What the cluster does not say is no failure.
 *
 * @param operatorNamespace where the operator's Deployment is
 */
export async function version(
  withCluster: <T>(work: (cluster: Cluster) => Promise<T>) => Promise<T>,
  operatorNamespace: string,
  json: boolean,
  { output, clock, signal }: CommandContext,
): Promise<number> {
  const [crd, operator] = await withDeadline(clock, CLUSTER_MS, signal, (end) =>
    withCluster((cluster) =>
      Promise.all([
        crdVersions(cluster, end).then(foundOf, problemFrom),
        operatorImages(cluster, operatorNamespace, end).then(foundOf, problemFrom),
      ]),
    ),
  ).catch((error: unknown) => [problemFrom(error), problemFrom(error)] as const);
  if (signal.aborted) return EXIT.interrupted;
  const cluster = { crd, operator };
  if (json) {
    const parts = Object.entries(cluster).map(([part, found]) => [
      part,
      found.kind === 'found' ? { version: found.text } : { problem: found.problem },
    ]);
    output.print(jsonLines({ plugin: { version: VERSION }, ...Object.fromEntries(parts) }));
    return EXIT.ok;
  }
  output.print([`plugin    ${VERSION}`, `CRD       ${textOf(crd)}`, `operator  ${textOf(operator)}`]);
  return EXIT.ok;
}

function textOf(found: Found): string {
  return found.kind === 'found' ? found.text : `unknown: ${found.problem}`;
}

function foundOf(text: string): Found {
  return { kind: 'found', text };
}

function problemFrom(error: unknown): Found {
  return { kind: 'problem', problem: cleanText(errorText(error), MAX_PROBLEM) };
}

async function crdVersions({ transport }: Cluster, signal: AbortSignal): Promise<string> {
  try {
    return String(clean((await servedVersions(transport, signal)).join(', ')));
  } catch (error) {
    if (isNotServed(error)) throw new CommandError('the cluster does not know CloudJobs');
    throw problemOf(error, 'the API group');
  }
}

async function operatorImages({ client }: Cluster, namespace: string, signal: AbortSignal): Promise<string> {
  const labelSelector = `app.kubernetes.io/name=cloudjob-operator`;
  const { items } = await client
    .list(DEPLOYMENTS, { namespace, labelSelector }, signal)
    .catch((error: unknown) => {
      throw problemOf(error, `Deployments of namespace ${namespace}`);
    });
  const images = items.flatMap(({ spec }) => imagesOf(spec));
  if (images.length > 0) return String(clean([...new Set(images)].join(', ')));
  throw new CommandError(
    `namespace ${namespace} has no Deployment with label ${labelSelector}; --operator-namespace names another`,
  );
}

function imagesOf(spec: unknown): string[] {
  const template = isRecord(spec) ? spec['template'] : undefined;
  const pod = isRecord(template) ? template['spec'] : undefined;
  const containers =
    isRecord(pod) && Array.isArray(pod['containers']) ? (pod['containers'] as unknown[]) : [];
  return containers.flatMap((container) =>
    isRecord(container) && typeof container['image'] === 'string' ? [container['image']] : [],
  );
}
