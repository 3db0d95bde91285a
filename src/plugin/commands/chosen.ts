import { CLOUD_JOBS, type CloudJob } from '../../api/cloudjob.js';
import { CommandError, getCloudJob, problemOf, type Cluster } from '../cluster.js';
import { MOST_NAMES, type Flags } from '../flags.js';
import { readShown } from '../shown.js';
import { listObjects } from './pages.js';

/**
 * The CloudJobs that a command line means: those with these names, or those that `--selector` or `--all` finds now.
 *
 * @throws CommandError also if there are none, or more than a command takes
 */
export async function chosenCloudJobs(
  cluster: Pick<Cluster, 'client' | 'namespace'>,
  names: readonly string[],
  labelSelector: Flags['selector'],
  signal: AbortSignal,
): Promise<CloudJob[]> {
  const cloudJobs: CloudJob[] = [];
  for (const name of names) cloudJobs.push(await getCloudJob(cluster, name, signal));
  if (names.length > 0) return cloudJobs;

  const { client, namespace } = cluster;
  const labels = labelSelector === undefined ? '' : ` with labels ${labelSelector}`;
  const what = `CloudJobs${labels} in namespace ${namespace}`;
  const { objects } = await listObjects(client, CLOUD_JOBS, { namespace, labelSelector }, signal).catch(
    (error: unknown) => {
      throw problemOf(error, what);
    },
  );
  if (objects.length === 0) throw new CommandError(`there are no ${what}; -n names another namespace`);
  if (objects.length > MOST_NAMES) {
    throw new CommandError(
      `there are ${objects.length} ${what}, and at most ${MOST_NAMES} are shown at once; narrow them with --selector`,
    );
  }
  return objects.map(readShown);
}
