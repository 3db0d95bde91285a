import type { CloudJob } from '../api/cloudjob.js';
import type { Clock } from '../clock.js';
import { cleanText } from '../text.js';
import { KubeClient } from '../kube/client.js';
import { isForbidden, isNotFound, isNotServed, isUnauthorized, KubeError } from '../kube/errors.js';
import { loadClusterAccess } from '../kube/access/kubeconfig.js';
import type { Environment } from '../proxy.js';
import { HttpTransport } from '../kube/transport.js';
import { CLOUD_JOBS } from '../api/cloudjob.js';
import type { Flags } from './flags.js';
import { readShown } from './shown.js';

/** The cluster that the kubeconfig and the flags name. */
export interface Cluster {
  readonly client: KubeClient;
  /** For requests that are not about an object. */
  readonly transport: HttpTransport;
  /** The namespace of the CloudJobs on the command line. */
  readonly namespace: string;
}

/** An error that ends the command; the message is for people and ends without a full stop. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

const MAX_MESSAGE = 1024;

/** @throws KubeconfigError, ProxyError */
export async function connect(
  flags: Pick<Flags, 'kubeconfig' | 'context' | 'namespace'>,
  clock: Clock,
  random: () => number,
  env: Environment,
): Promise<Cluster> {
  const access = await loadClusterAccess(flags.kubeconfig, clock, flags.context, env);
  const transport = new HttpTransport({ access, clock, userAgent: 'kubectl-cloudjob' });
  return {
    client: new KubeClient({ transport, clock, random }),
    transport,
    namespace: flags.namespace ?? access.namespace ?? 'default',
  };
}

/** @throws CommandError */
export async function getCloudJob(
  { client, namespace }: Pick<Cluster, 'client' | 'namespace'>,
  name: string,
  signal: AbortSignal,
): Promise<CloudJob> {
  try {
    return readShown(await client.get(CLOUD_JOBS, { namespace, name }, signal));
  } catch (error) {
    if (isNotFound(error)) {
      throw new CommandError(
        `CloudJob ${namespace}/${name} does not exist; "kubectl cloudjob list -A" shows those that do, -n names another namespace`,
      );
    }
    throw problemOf(error, `CloudJob ${namespace}/${name}`);
  }
}

/** A failed request as an error for people. */
export function problemOf(error: unknown, what: string): CommandError {
  if (!(error instanceof KubeError)) throw error;
  const detail = cleanText(error.message, MAX_MESSAGE);
  if (isForbidden(error)) return new CommandError(`${what}: you may not do that (${detail})`);
  if (isUnauthorized(error)) {
    return new CommandError(
      `${what}: the kubeconfig's credentials are not accepted; log in again (${detail})`,
    );
  }
  if (isNotServed(error)) {
    return new CommandError(
      `${what}: the cluster does not know CloudJobs; apply the CustomResourceDefinition first (${detail})`,
    );
  }
  return new CommandError(`${what}: ${detail}`);
}
