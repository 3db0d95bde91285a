import type { CloudJob, SubJobStatus } from '../../api/cloudjob.js';
import { classifyPhase, isTerminal } from '../../cloud/phase.js';
import type { Paint } from '../../terminal/paint.js';
import { outcomeOf } from '../outcome.js';
import { leavesOf, treeOf, type SubJobNode } from '../subJobTree.js';
import { durationMs } from '../times.js';

/** A job or sub-job in the tree: one line, and the text that goes below it. */
export interface Row {
  /** Includes the branches of the tree. */
  readonly label: string;
  readonly phase: string;
  /** Absent on leaves. */
  readonly leaves: { readonly done: number; readonly total: number } | undefined;
  /** Its duration so far; undefined: it has not begun, or the cloud gives no times. */
  readonly ms: number | undefined;
  readonly colour: keyof Paint | undefined;
  /** The beginning of each line of `text`. */
  readonly indent: string;
  readonly text: string | undefined;
}

const SYMBOLS = { initializing: '○', running: '●', succeeded: '✔', failed: '✖', unknown: '?' } as const;
const COLOURS = {
  initializing: 'dim',
  running: 'busy',
  succeeded: 'good',
  failed: 'bad',
  unknown: undefined,
} as const;

/** The job, then its sub-jobs, each before its own sub-jobs. `now`: wall clock in milliseconds since the epoch. */
export function rowsOf(cloudJob: CloudJob, now: number): Row[] {
  const { phase, completionTime } = cloudJob.status;
  // In a job that has ended, the time of unfinished sub-jobs stops too.
  const until = isTerminal(phase) && completionTime !== undefined ? Date.parse(completionTime) : now;
  return [rootRow(cloudJob, now), ...subRows(treeOf(cloudJob.status), '', until)];
}

function rootRow(cloudJob: CloudJob, now: number): Row {
  const { metadata, status } = cloudJob;
  const { progress, subJobs = [] } = status;
  const outcome = outcomeOf(cloudJob).kind;
  return {
    label: [`${metadata.namespace}/${metadata.name}`, nameOf(status)]
      .filter((part) => part !== '')
      .join('  '),
    phase: status.phase ?? '-',
    leaves:
      progress === undefined || subJobs.length === 0
        ? undefined
        : { done: progress.succeeded, total: progress.total },
    ms: durationMs(status, now),
    colour: outcome === 'failed' || outcome === 'unknown' ? 'bad' : 'bold',
    indent: subJobs.length === 0 ? '  ' : '│ ',
    text: status.message ?? 'The operator has not observed it yet.',
  };
}

function subRows(nodes: readonly SubJobNode[], indent: string, now: number): Row[] {
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const below = `${indent}${isLast ? '   ' : '│  '}`;
    const { subJob, children } = node;
    const kind = classifyPhase(subJob.phase);
    const row: Row = {
      label: `${indent}${isLast ? '└─' : '├─'} ${subJob.phase === undefined ? '·' : SYMBOLS[kind]} ${nameOf(subJob) || (subJob.id ?? '-')}`,
      phase: subJob.phase ?? '-',
      leaves: children.length === 0 ? undefined : leavesOf(node),
      ms: durationMs(subJob, now),
      colour: COLOURS[kind],
      indent: `${below}${children.length === 0 ? '  ' : '│ '}`,
      text: kind === 'succeeded' ? undefined : subJob.reason,
    };
    return [row, ...subRows(children, below, now)];
  });
}

/** `CreateNodeVM of prod-gpu-c3`, as far as the cloud names them; may be empty. */
export function nameOf({ type, resourceName }: Pick<SubJobStatus, 'type' | 'resourceName'>): string {
  return [type, resourceName].filter((part) => part !== undefined).join(' of ');
}
