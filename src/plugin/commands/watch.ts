import type { Outcome } from '../outcome.js';
import type { Cluster } from '../cluster.js';
import type { Flags } from '../flags.js';
import { watchUntilSettled } from '../watch/session.js';
import { JSONView, LineView, LiveView, type WatchView } from '../watch/views.js';
import { chosenCloudJobs } from './chosen.js';
import { EXIT, type CommandContext } from './context.js';

/** The exit codes, for scripts. */
const WATCH_EXIT = { succeeded: 0, failed: 1, cannotTell: 2 } as const;

/** Follows CloudJobs until their jobs have ended, and returns the exit code. @throws CommandError */
export async function watch(
  cluster: Cluster,
  names: readonly string[],
  { selector, output: format, timeoutMs }: Flags,
  { output, clock, random, signal }: CommandContext,
): Promise<number> {
  const first = await chosenCloudJobs(cluster, names, selector, signal);
  const { screen } = output;
  let view: WatchView;
  if (format === 'json') view = new JSONView(output);
  else if (screen === undefined) view = new LineView(output, clock);
  else view = new LiveView(output, screen, clock);
  const result = await watchUntilSettled(first, {
    client: cluster.client,
    clock,
    random,
    view,
    timeoutMs,
    signal,
  });
  if (result.kind === 'interrupted') return EXIT.interrupted;
  for (const [{ metadata }, outcome] of result.outcomes) {
    if (outcome.kind !== 'unknown') continue;
    output.complain(
      `kubectl cloudjob: ${metadata.namespace}/${metadata.name}: it is unclear how its job ends: ${outcome.why}`,
    );
  }
  return exitCodeOf(result.outcomes.map(([, outcome]) => outcome));
}

/** One failure makes the result "failed"; else one unknown outcome makes it unknown. */
export function exitCodeOf(outcomes: readonly Outcome[]): number {
  const kinds = outcomes.map(({ kind }) => kind);
  if (kinds.includes('failed')) return WATCH_EXIT.failed;
  return kinds.every((kind) => kind === 'succeeded') ? WATCH_EXIT.succeeded : WATCH_EXIT.cannotTell;
}
