import { KIND } from '../../api/cloudjob.js';
import { getCloudJob, problemOf, type Cluster } from '../cluster.js';
import { logEntriesOf } from '../eventLog.js';
import { logLines } from '../view/log.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';
import { listObjects } from './pages.js';
import { EVENTS } from '../../kube/resources.js';

/** Prints the Events of a CloudJob that the cluster still has. @throws CommandError */
export async function logs(
  cluster: Cluster,
  name: string,
  json: boolean,
  { output, signal }: CommandContext,
): Promise<number> {
  const { client, namespace } = cluster;
  const fieldSelector = `regarding.kind=${KIND},regarding.name=${name}`;
  const { objects } = await listObjects(client, EVENTS, { namespace, fieldSelector }, signal).catch(
    (error: unknown) => {
      throw problemOf(error, `Events of CloudJob ${namespace}/${name}`);
    },
  );
  const entries = logEntriesOf(objects);
  // Events outlive their object. If there are none, the name may be wrong, so check that the object exists.
  if (entries.length === 0) await getCloudJob(cluster, name, signal);
  if (json) {
    output.print(
      jsonLines({
        items: entries.map(({ at, lastAt, ...entry }) => ({
          time: new Date(at).toISOString(),
          lastTime: new Date(lastAt).toISOString(),
          ...entry,
        })),
      }),
    );
  } else if (entries.length === 0) {
    output.complain(`No Events of CloudJob ${namespace}/${name}: clusters keep them for an hour by default.`);
  } else {
    output.print(logLines(entries, output.paint));
  }
  return EXIT.ok;
}
