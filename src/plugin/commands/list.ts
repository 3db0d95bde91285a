import { CLOUD_JOBS } from '../../api/cloudjob.js';
import { attentionOf, byAttention } from '../attention.js';
import { problemOf, type Cluster } from '../cluster.js';
import type { Flags } from '../flags.js';
import { readShown } from '../shown.js';
import { jobJSON } from '../view/json.js';
import { listLines } from '../view/list.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';
import { listObjects } from './pages.js';

/** Lists CloudJobs; those that need attention come first. @throws CommandError */
export async function list(
  { client, namespace }: Cluster,
  { allNamespaces, selector: labelSelector, output: format }: Flags,
  { output, clock, signal }: CommandContext,
): Promise<number> {
  const scope = allNamespaces ? { labelSelector } : { namespace, labelSelector };
  const where = allNamespaces ? 'all namespaces' : `namespace ${namespace}`;
  const { objects, isCut } = await listObjects(client, CLOUD_JOBS, scope, signal).catch((error: unknown) => {
    throw problemOf(error, `CloudJobs of ${where}`);
  });
  const cloudJobs = byAttention(objects.map(readShown));
  if (format === 'json') {
    const items = cloudJobs.map((cloudJob) => {
      const { subJobs: _, ...job } = jobJSON(cloudJob);
      return { attention: attentionOf(cloudJob), ...job };
    });
    output.print(jsonLines({ items }));
  } else if (cloudJobs.length === 0) {
    output.complain(`No CloudJobs in ${where}.`);
  } else {
    const options = { withNamespace: allNamespaces, now: clock.now(), columns: output.columns() };
    output.print(listLines(cloudJobs, { ...options, paint: output.paint }));
  }
  if (isCut) output.complain(`Only ${objects.length} CloudJobs were read; -n shows one namespace.`);
  return EXIT.ok;
}
