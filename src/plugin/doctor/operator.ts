import type { CloudJob } from '../../api/cloudjob.js';
import type { Clock } from '../../clock.js';
import { cleanText } from '../../text.js';
import { isNotFound } from '../../kube/errors.js';
import { isRecord } from '../../json.js';
import { LEASE_TIMINGS, leaseName, leaseSpec, scopedLeaseName } from '../../kube/leaseRecord.js';
import type { KubeObject } from '../../kube/object.js';
import { shardOf } from '../../kube/shardPlan.js';
import { MAX_SHARDS } from '../../settings/flags.js';
import { problemOf, type Cluster } from '../cluster.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';
import { sleep } from '../../signals.js';
import { LEASES } from '../../kube/resources.js';

/** The operator's name for it. */
const LEASE = 'cloudjob-operator';
const MAX_HOLDER = 128;
const READ_EVERY_MS = 1000;
/** Longer than a Lease is valid: another replica has it by then. */
const PATIENCE_MS = LEASE_TIMINGS.leaseMs + 2 * LEASE_TIMINGS.retryMs;
/** The operator observes a new spec within about a second; this leaves room for a busy cluster. */
const UNSEEN_MS = 60_000;

/**
 * Whether an operator renews the Lease for this CloudJob: the single one, or, with shards, that of its shard. The age of a
 * Lease is not taken from its time, which is by another machine's clock: it is read until it changes.
 *
 * @param namespace where the operator runs
 * @param jobID decides the shard
 */
export async function checkLease(
  { client, namespace: jobNamespace }: Pick<Cluster, 'client' | 'namespace'>,
  namespace: string,
  jobID: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const names: string[] = [];
  // Of an operator for all namespaces, and of one for this namespace alone.
  for (const name of [LEASE, scopedLeaseName(LEASE, [jobNamespace])]) {
    for (let count = 1; count <= MAX_SHARDS; count += 1) {
      names.push(leaseName(name, shardOf(jobID, count), count));
    }
  }
  const read = async (): Promise<Map<string, LeaseState>> => {
    const leases = new Map<string, LeaseState>();
    for (const name of names) {
      const lease = await getLease(client, namespace, name, signal);
      if (lease !== undefined) leases.set(name, stateOf(lease));
    }
    return leases;
  };
  try {
    const first = await read();
    if (first.size === 0) {
      return cannotTell(
        `there is no Lease ${namespace}/${LEASE}: no operator has run there, or one without --leader-elect, or one for several namespaces, whose Lease has another name; --operator-namespace names another place`,
      );
    }
    const until = clock.monotonic() + PATIENCE_MS;
    while (clock.monotonic() < until && !signal.aborted) {
      await sleep(clock, READ_EVERY_MS, signal);
      for (const [name, { holder, renewed }] of await read()) {
        // Without a holder it was released, and the next operator takes it within seconds.
        if (holder !== '' && renewed !== first.get(name)?.renewed) {
          return ok(`${holder} renews Lease ${namespace}/${name}`);
        }
      }
    }
    return wrong(
      `nobody renews Lease ${namespace}/${[...first.keys()].join(', ')}: the operator does not run, or cannot reach the API server`,
      `check kubectl -n ${namespace} get pods, and the logs of these pods`,
    );
  } catch (error) {
    return cannotTell(problemOf(error, `the operator's Lease in namespace ${namespace}`).message);
  }
}

interface LeaseState {
  readonly holder: string;
  readonly renewed: unknown;
}

async function getLease(
  client: Cluster['client'],
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(LEASES, { namespace, name }, signal);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function stateOf(lease: KubeObject): LeaseState {
  const { spec } = lease;
  return {
    holder: cleanText(leaseSpec(lease).holderIdentity, MAX_HOLDER),
    renewed: isRecord(spec) ? spec['renewTime'] : undefined,
  };
}

/** Whether the operator has observed the spec as it is now. */
export function checkSpecSeen({ metadata, status }: CloudJob, now: number): Finding {
  if (status.observedGeneration === metadata.generation)
    return ok('the operator has seen the spec as it is now');
  // The time of the last change of a spec is not known.
  if (now - Date.parse(metadata.creationTimestamp) < UNSEEN_MS) {
    return cannotTell('it is new, and the operator has not seen it yet; try again in a minute');
  }
  const seen = status.observedGeneration ?? -1;
  return wrong(
    `the operator has not seen the spec as it is now (generation ${metadata.generation}, seen ${seen < 0 ? 'none' : seen})`,
    `does it run, and watch this namespace (its --namespace flags)? Check its log`,
  );
}
