import { GROUP, PLURAL } from '../../api/cloudjob.js';
import { isRecord } from '../../json.js';
import type { Cluster } from '../cluster.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

/** Something that is done to the API, as RBAC sees it. */
interface Deed {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

const LOOKS: readonly Deed[] = ['get', 'list', 'watch'].map((verb) => ({
  verb,
  group: GROUP,
  resource: PLURAL,
}));

/** Whether the person may look at CloudJobs there (SelfSubjectAccessReview). */
export async function lookAtYourRights(
  { transport, namespace }: Pick<Cluster, 'transport' | 'namespace'>,
  signal: AbortSignal,
): Promise<Finding> {
  const denied = await findDenied(transport, 'selfsubjectaccessreviews', namespace, LOOKS, {}, signal);
  if (denied === 'unknown') return cannotTell('the cluster does not review rights for you');
  if (denied.length === 0) return ok(`you may get, list and watch CloudJobs in namespace ${namespace}`);
  return wrong(
    `you may not ${denied.map(textOf).join(', ')} in namespace ${namespace}`,
    'ask for the role view in that namespace, or for another one with get, list and watch on cloudjobs.cloudjob.dev',
  );
}

/**
 * Whether the operator's service account may do what it has to do for this CloudJob (SubjectAccessReview).
 *
 * @param account `namespace:name`
 */
export async function lookAtOperatorsRights(
  { transport, namespace }: Pick<Cluster, 'transport' | 'namespace'>,
  account: string,
  secretName: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  const deeds: Deed[] = [...LOOKS, { verb: 'update', group: GROUP, resource: PLURAL, subresource: 'status' }];
  if (secretName !== undefined) deeds.push({ verb: 'get', group: '', resource: 'secrets', name: secretName });
  const [operatorNamespace] = account.split(':');
  const who = {
    user: `system:serviceaccount:${account}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`, 'system:authenticated'],
  };
  const denied = await findDenied(transport, 'subjectaccessreviews', namespace, deeds, who, signal);
  if (denied === 'unknown')
    return cannotTell("you may not review the rights of the operator's service account");
  if (denied.length === 0)
    return ok(`service account ${account} may do all that it has to in namespace ${namespace}`);
  return wrong(
    `the operator's service account ${account} may not ${denied.map(textOf).join(', ')} in namespace ${namespace}`,
    `bind its roles there; if the operator runs as another account, name it with --operator-namespace and --operator-service-account`,
  );
}

function textOf({ verb, resource, subresource, name }: Deed): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${what}${name === undefined ? '' : ` "${name}"`}`;
}

async function findDenied(
  transport: Cluster['transport'],
  review: 'selfsubjectaccessreviews' | 'subjectaccessreviews',
  namespace: string,
  deeds: readonly Deed[],
  who: object,
  signal: AbortSignal,
): Promise<readonly Deed[] | 'unknown'> {
  const denied: Deed[] = [];
  for (const deed of deeds) {
    const allowed = await isAllowed(transport, review, { namespace, ...deed }, who, signal);
    if (allowed === undefined) return 'unknown';
    if (!allowed) denied.push(deed);
  }
  return denied;
}

/** Undefined: the API server does not say. */
async function isAllowed(
  transport: Cluster['transport'],
  review: string,
  resourceAttributes: object,
  who: object,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const kind = review === 'subjectaccessreviews' ? 'SubjectAccessReview' : 'SelfSubjectAccessReview';
  const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec: { resourceAttributes, ...who } };
  const path = `/apis/authorization.k8s.io/v1/${review}`;
  try {
    // It writes nothing: asking twice does no harm.
    const answer = await transport.request({ method: 'POST', path, body, idempotent: true }, signal);
    const status = isRecord(answer) ? answer['status'] : undefined;
    return isRecord(status) && typeof status['allowed'] === 'boolean' ? status['allowed'] : undefined;
  } catch {
    return undefined;
  }
}
