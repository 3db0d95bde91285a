import { CLOUD_JOBS } from '../../api/cloudjob.js';
import { errorText } from '../../errorText.js';
import { NAMESPACES } from '../../kube/resources.js';
import { withDeadline } from '../../signals.js';
import { cleanText } from '../../text.js';
import type { Cluster } from '../cluster.js';
import { completionOf, type Candidate, type Completion } from '../completion.js';
import type { Flags } from '../flags.js';
import { EXIT, type CommandContext } from './context.js';
import { listObjects } from './pages.js';

/** cobra's ShellCompDirective: what the shell does beside offering the candidates. */
const DIRECTIVE = { default: 0, noFiles: 4 } as const;
/** Somebody has pressed Tab and waits. */
const CLUSTER_MS = 3000;
const MAX_PROBLEM = 300;

/**
 * Prints the candidates for the last argument as kubectl reads them from `kubectl_complete-cloudjob`: one in a line, a
 * tab before its description, and a directive in the last line. Shells hide the error that goes to standard error.
 */
export async function complete(
  args: readonly string[],
  withCluster: <T>(flags: Flags, work: (cluster: Cluster) => Promise<T>) => Promise<T>,
  { output, clock, signal }: CommandContext,
): Promise<number> {
  const typed = (args.at(-1) ?? '').replace(/^--[a-z-]+=/, '');
  let directive: number = DIRECTIVE.noFiles;
  try {
    const completion = completionOf(args);
    if (completion.kind === 'files') directive = DIRECTIVE.default;
    const candidates = await withDeadline(clock, CLUSTER_MS, signal, (end) =>
      candidatesOf(completion, withCluster, end),
    );
    const fitting = candidates.filter(({ word }) => word.startsWith(typed));
    output.print(fitting.map(({ word, about }) => (about === undefined ? word : `${word}\t${about}`)));
  } catch (error) {
    output.complain(`kubectl cloudjob: ${cleanText(errorText(error), MAX_PROBLEM)}`);
  }
  output.print([`:${directive}`]);
  // After any other exit code, kubectl offers files.
  return EXIT.ok;
}

async function candidatesOf(
  completion: Completion,
  withCluster: <T>(flags: Flags, work: (cluster: Cluster) => Promise<T>) => Promise<T>,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  if (completion.kind === 'files') return [];
  if (completion.kind === 'words') return completion.candidates;
  const { kind, flags, taken } = completion;
  return withCluster(flags, async ({ client, namespace }) => {
    const { objects } = await (kind === 'namespaces'
      ? listObjects(client, NAMESPACES, {}, signal)
      : listObjects(client, CLOUD_JOBS, { namespace }, signal));
    const names = objects.map(({ metadata }) => metadata.name);
    return names.filter((name) => !taken.includes(name)).map((word) => ({ word }));
  });
}
