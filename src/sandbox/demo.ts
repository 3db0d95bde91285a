import { readCloudJob } from '../api/cloudjob.js';
import type { CloudJob } from '../api/cloudjob.js';
import type { Clock } from '../clock.js';
import type { KubeObject } from '../kube/object.js';
import { followCloudJobs } from './cluster.js';
import type { Cluster } from './cluster.js';
import { FAILING_SAMPLE, UNKNOWN_SAMPLE } from './samples.js';
import type { Sample } from './samples.js';
import { cellsOf, explain, headerLine, rowLine } from './table.js';
import type { Paint } from '../terminal/paint.js';
import { onAbort } from '../signals.js';

export interface DemoOptions {
  readonly cluster: Cluster;
  readonly samples: readonly Sample[];
  readonly clock: Clock;
  readonly paint: Paint;
  /** Prints one line, given without its end. */
  readonly print: (line: string) => void;
  /** How long the operator may take for everything, in milliseconds. */
  readonly deadlineMs: number;
}

export type DemoEnd =
  | { readonly result: 'shown' }
  | { readonly result: 'interrupted' }
  | { readonly result: 'late'; readonly missing: string };

/** Shows what the operator writes, a row for each change, until every sample has reached its expected end. */
export async function playDemo(options: DemoOptions, signal: AbortSignal): Promise<DemoEnd> {
  const { cluster, samples, clock, paint, print } = options;
  const seen = new Map<string, CloudJob>();
  const shown = new Map<string, string>();
  const stop = new AbortController();
  const unlisten = onAbort(signal, () => stop.abort());
  let late = false;
  const cancel = clock.schedule(options.deadlineMs, () => {
    late = true;
    stop.abort();
  });

  print(headerLine(paint));
  const onChange = (object: KubeObject): void => {
    const { name } = object.metadata;
    if (!samples.some((sample) => sample.name === name)) return;
    const cloudJob = readCloudJob(object);
    seen.set(name, cloudJob);
    const cells = cellsOf(name, cloudJob.status);
    if (shown.get(name) === cells.join('|')) return;
    shown.set(name, cells.join('|'));
    print(rowLine(cells, clock.now() - Date.parse(cloudJob.metadata.creationTimestamp), paint));
    if (samples.every((sample) => hasArrived(sample, seen.get(sample.name)))) stop.abort();
  };
  await followCloudJobs(cluster.client, onChange, clock, stop.signal);
  cancel();
  unlisten();

  if (signal.aborted) return { result: 'interrupted' };
  if (late) return { result: 'late', missing: missingText(samples, seen) };
  for (const line of closingLines(seen, paint)) print(line);
  return { result: 'shown' };
}

function hasArrived({ arrives }: Sample, cloudJob: CloudJob | undefined): boolean {
  const { phase, conditions } = cloudJob?.status ?? {};
  if ('phases' in arrives) return phase !== undefined && arrives.phases.includes(phase);
  return conditions?.some(({ type, reason }) => type === 'Ready' && reason === arrives.readyReason) ?? false;
}

/** The samples that have not reached their expected end, and their last state. */
function missingText(samples: readonly Sample[], seen: ReadonlyMap<string, CloudJob>): string {
  return samples
    .filter((sample) => !hasArrived(sample, seen.get(sample.name)))
    .map(({ name, arrives }) => {
      const wanted =
        'phases' in arrives ? `phase ${arrives.phases.join(' or ')}` : `Ready reason ${arrives.readyReason}`;
      const { phase, message } = seen.get(name)?.status ?? {};
      return `${name} should have reached ${wanted}, its phase is ${phase ?? 'unknown'}${message === undefined ? '' : ` (${message})`}`;
    })
    .join('; ');
}

function closingLines(seen: ReadonlyMap<string, CloudJob>, paint: Paint): string[] {
  const failed = seen.get(FAILING_SAMPLE)?.status ?? {};
  const unknown = seen.get(UNKNOWN_SAMPLE)?.status.conditions?.find(({ type }) => type === 'Ready');
  return [
    '',
    ...explain(FAILING_SAMPLE, failed, paint),
    '',
    `${paint.bold(UNKNOWN_SAMPLE)} is a job that the cloud does not know: Ready is ${unknown?.status ?? ''}, ${unknown?.reason ?? ''}.`,
    'The cloud may not know a new job yet, so the CloudJob becomes Stalled only after two minutes.',
  ];
}
