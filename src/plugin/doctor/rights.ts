import { GROUP, PLURAL } from '../../api/cloudjob.js';
import { isRecord } from '../../json.js';
import type { Cluster } from '../cluster.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

/** A request to the API, as RBAC sees it. */
interface Access {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

const READS: readonly Access[] = ['get', 'list', 'watch'].map((verb) => ({
  verb,
  group: GROUP,
  resource: PLURAL,
}));

/** Whether the user may read CloudJobs there (SelfSubjectAccessReview). */
export async function checkYourRights(
  { transport, namespace }: Pick<Cluster, 'transport' | 'namespace'>,
  signal: AbortSignal,
): Promise<Finding> {
  const denied = await findDenied(transport, 'selfsubjectaccessreviews', namespace, READS, {}, signal);
  if (denied === 'unknown') return cannotTell('the cluster does not review rights for you');
  if (denied.length === 0) return ok(`you may get, list and watch CloudJobs in namespace ${namespace}`);
  return wrong(
    `you may not ${denied.map(textOf).join(', ')} in namespace ${namespace}`,
    'ask for the role view in that namespace, or for another one with get, list and watch on cloudjobs.cloudjob.dev',
  );
}

/**
 * Whether the operator's service account has all rights that this CloudJob needs (SubjectAccessReview).
 *
 * @param account `namespace:name`
 */
export async function checkOperatorsRights(
  { transport, namespace }: Pick<Cluster, 'transport' | 'namespace'>,
  account: string,
  secretName: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  const accesses: Access[] = [
    ...READS,
    ...['update', 'patch'].map((verb) => ({ verb, group: GROUP, resource: PLURAL, subresource: 'status' })),
  ];
  if (secretName !== undefined)
    accesses.push({ verb: 'get', group: '', resource: 'secrets', name: secretName });
  const [operatorNamespace] = account.split(':');
  const who = {
    user: `system:serviceaccount:${account}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`, 'system:authenticated'],
  };
  const denied = await findDenied(transport, 'subjectaccessreviews', namespace, accesses, who, signal);
  if (denied === 'unknown')
    return cannotTell("you may not review the rights of the operator's service account");
  if (denied.length === 0)
    return ok(`service account ${account} may do all that it has to in namespace ${namespace}`);
  return wrong(
    `the operator's service account ${account} may not ${denied.map(textOf).join(', ')} in namespace ${namespace}`,
    `bind its roles there; if the operator runs as another account, name it with --operator-namespace and --operator-service-account`,
  );
}

function textOf({ verb, resource, subresource, name }: Access): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${what}${name === undefined ? '' : ` "${name}"`}`;
}

async function findDenied(
  transport: Cluster['transport'],
  review: 'selfsubjectaccessreviews' | 'subjectaccessreviews',
  namespace: string,
  accesses: readonly Access[],
  who: object,
  signal: AbortSignal,
): Promise<readonly Access[] | 'unknown'> {
  const denied: Access[] = [];
  for (const access of accesses) {
    const allowed = await isAllowed(transport, review, { namespace, ...access }, who, signal);
    if (allowed === undefined) return 'unknown';
    if (!allowed) denied.push(access);
  }
  return denied;
}

/** Undefined: the API server gives no answer. */
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
    const answer = await transport.request({ method: 'POST', path, body }, signal);
    const status = isRecord(answer) ? answer['status'] : undefined;
    return isRecord(status) && typeof status['allowed'] === 'boolean' ? status['allowed'] : undefined;
  } catch {
    return undefined;
  }
}
