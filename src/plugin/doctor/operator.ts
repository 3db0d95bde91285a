import type { CloudJob } from '../../api/cloudjob.js';
import { sleep, type Clock } from '../../clock.js';
import { cleanText } from '../../cloud/text.js';
import { isNotFound, isRecord } from '../../kube/errors.js';
import type { KubeObject, ResourceType } from '../../kube/object.js';
import { problemOf, type Cluster } from '../cluster.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespaced: true,
};
/** As the operator names it. */
const LEASE = 'cloudjob-operator';
const MAX_HOLDER = 128;
const LOOK_EVERY_MS = 1000;
/** What an operator takes its Lease for. */
const USUAL_LEASE_SECONDS = 15;
/** A new spec is looked at within a second or so; this leaves room for a busy cluster. */
const UNSEEN_MS = 60_000;

/**
 * Whether an operator renews its Lease. Its age is not taken from its time, which is another machine's: it is looked at
 * until it changes.
 */
export async function lookAtLease(
  { client }: Pick<Cluster, 'client'>,
  namespace: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const what = `Lease ${namespace}/${LEASE}`;
  const read = async () => readLease(await client.get(LEASES, { namespace, name: LEASE }, signal));
  try {
    const first = await read();
    const until = clock.monotonic() + Math.max(first.seconds, USUAL_LEASE_SECONDS) * 1000;
    while (clock.monotonic() < until && !signal.aborted) {
      await sleep(clock, LOOK_EVERY_MS, signal);
      const now = await read();
      // Without a holder it was given back, and the next operator takes it within seconds.
      if (now.holder !== '' && now.renewed !== first.renewed) return ok(`${now.holder} renews ${what}`);
    }
  } catch (error) {
    if (!isNotFound(error)) return cannotTell(problemOf(error, what).message);
    return cannotTell(
      `${what} does not exist: no operator has run there, or one without --leader-elect; --operator-namespace names another place`,
    );
  }
  return wrong(
    `nobody renews ${what}: the operator does not run, or cannot reach the API server`,
    `look at kubectl -n ${namespace} get pods and at their logs`,
  );
}

function readLease(lease: KubeObject) {
  const fields = isRecord(lease['spec']) ? lease['spec'] : {};
  const { holderIdentity, renewTime, leaseDurationSeconds } = fields;
  return {
    holder: typeof holderIdentity === 'string' ? cleanText(holderIdentity, MAX_HOLDER) : '',
    renewed: renewTime,
    seconds: typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : USUAL_LEASE_SECONDS,
  };
}

/** Whether the operator has taken notice of the CloudJob as it is now. */
export function lookAtNotice({ metadata, status }: CloudJob, now: number): Finding {
  if (status.observedGeneration === metadata.generation)
    return ok('the operator has seen the spec as it is now');
  // When an older spec was changed is not told anywhere.
  if (now - Date.parse(metadata.creationTimestamp) < UNSEEN_MS) {
    return cannotTell('it is new, and the operator has not seen it yet; ask again in a minute');
  }
  const seen = status.observedGeneration ?? -1;
  return wrong(
    `the operator has not seen the spec as it is now (generation ${metadata.generation}, seen ${seen < 0 ? 'none' : seen})`,
    `does it run, and watch this namespace (its --namespace flags)? Its log tells`,
  );
}
