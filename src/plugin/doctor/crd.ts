import { GROUP, PLURAL, VERSION } from '../../api/cloudjob.js';
import { cloudJobCrd } from '../../api/crd.js';
import { isForbidden, isNotServed, isUnauthorized } from '../../kube/errors.js';
import { isRecord } from '../../json.js';
import { problemOf, type Cluster } from '../cluster.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';
import { CUSTOM_RESOURCE_DEFINITIONS } from '../../kube/resources.js';

const APPLY = 'apply crds/cloudjob.dev_cloudjobs.yaml of this release';

/** Whether the API server answers and accepts the user. */
export async function checkServer(
  { transport }: Pick<Cluster, 'transport'>,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const version = await transport.request({ method: 'GET', path: '/version' }, signal);
    const text = isRecord(version) && typeof version['gitVersion'] === 'string' ? version['gitVersion'] : '';
    return ok(`answers ${text}`.trim());
  } catch (error) {
    if (isForbidden(error)) return ok('answers');
    const { message } = problemOf(error, 'the API server');
    if (isUnauthorized(error)) return wrong(message, 'log in again');
    return wrong(
      message,
      "check the kubeconfig's server and certificate authority, your network and VPN; does kubectl get --raw /version work?",
    );
  }
}

/** Whether CloudJobs are served in this plugin's version, with all its fields. */
export async function checkCrd({ client, transport }: Cluster, signal: AbortSignal): Promise<Finding> {
  let versions: string[];
  try {
    versions = await servedVersions(transport, signal);
  } catch (error) {
    if (isNotServed(error)) return wrong('the cluster does not know CloudJobs', APPLY);
    return cannotTell(problemOf(error, 'the API group').message);
  }
  if (!versions.includes(VERSION)) {
    return wrong(`the cluster serves CloudJobs as ${versions.join(', ')}, and not as ${VERSION}`, APPLY);
  }
  let crd: unknown;
  try {
    crd = await client.get(CUSTOM_RESOURCE_DEFINITIONS, { name: `${PLURAL}.${GROUP}` }, signal);
  } catch (error) {
    if (isForbidden(error)) return ok(`${VERSION} is served; you may not read its schema`);
    return cannotTell(problemOf(error, 'its CustomResourceDefinition').message);
  }
  const missing = missingFields(crd);
  if (missing.length > 0) return wrong(`it is older than this plugin: it lacks ${missing.join(', ')}`, APPLY);
  return ok(`${VERSION} is served, with all fields of this release`);
}

/** The versions in which the cluster serves CloudJobs. @throws KubeError */
export async function servedVersions(
  transport: Cluster['transport'],
  signal: AbortSignal,
): Promise<string[]> {
  const group = await transport.request({ method: 'GET', path: `/apis/${GROUP}` }, signal);
  const versions =
    isRecord(group) && Array.isArray(group['versions']) ? (group['versions'] as unknown[]) : [];
  return versions.flatMap((entry) =>
    isRecord(entry) && typeof entry['version'] === 'string' ? [entry['version']] : [],
  );
}

/** Fields of spec and status that this release has but the cluster's schema lacks. */
function missingFields(crd: unknown): string[] {
  const known = fieldsOf(cloudJobCrd());
  const served = new Set(fieldsOf(crd));
  return served.size === 0 ? [] : known.filter((field) => !served.has(field));
}

function fieldsOf(crd: unknown): string[] {
  const versions = at(crd, 'spec', 'versions');
  const version = (Array.isArray(versions) ? (versions as unknown[]) : []).find(
    (entry) => at(entry, 'name') === VERSION,
  );
  return ['spec', 'status'].flatMap((part) => {
    const properties = at(version, 'schema', 'openAPIV3Schema', 'properties', part, 'properties');
    return Object.keys(isRecord(properties) ? properties : {}).map((field) => `${part}.${field}`);
  });
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce((inner, key) => (isRecord(inner) ? inner[key] : undefined), value);
}
