import type { Cluster } from '../cluster.js';
import type { Flags } from '../flags.js';
import { jobJSON } from '../view/json.js';
import { treeLines } from '../view/jobTree.js';
import { chosenCloudJobs } from './chosen.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';

/** Prints the tree of each CloudJob once. @throws CommandError */
export async function tree(
  cluster: Cluster,
  names: readonly string[],
  flags: Pick<Flags, 'selector' | 'output'>,
  { output, clock, signal }: CommandContext,
): Promise<number> {
  const cloudJobs = await chosenCloudJobs(cluster, names, flags.selector, signal);
  if (flags.output === 'json') {
    const documents = cloudJobs.map(jobJSON);
    output.print(jsonLines(names.length === 1 ? documents[0] : documents));
    return EXIT.ok;
  }
  const options = { now: clock.now(), columns: output.columns(), paint: output.paint };
  for (const [index, cloudJob] of cloudJobs.entries()) {
    output.print([...(index === 0 ? [] : ['']), ...treeLines(cloudJob, options)]);
  }
  return EXIT.ok;
}
