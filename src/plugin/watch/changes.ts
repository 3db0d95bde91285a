import type { CloudJob, SubJobStatus } from '../../api/cloudjob.js';
import { findCondition } from '../../api/conditions.js';
import { classifyPhase } from '../../cloud/phase.js';
import { nameOf } from '../view/treeRows.js';

/** The lines of sub-jobs, by ID or, without one, by place in the list. */
type Phases = ReadonlyMap<string, SubJobStatus>;

/**
 * One line for each difference between two states of a CloudJob: the job itself, and each sub-job with a new phase. For a
 * first state: the job, and the failed sub-jobs.
 */
export function changeLines(before: CloudJob | undefined, after: CloudJob): string[] {
  const job = jobLine(after);
  const lines = before !== undefined && jobLine(before) === job ? [] : [job];
  const phasesBefore = phasesOf(before);
  for (const [key, subJob] of phasesOf(after)) {
    const isNew =
      before === undefined
        ? classifyPhase(subJob.phase) === 'failed'
        : phasesBefore.get(key)?.phase !== subJob.phase;
    if (isNew) lines.push(subJobLine(after, subJob));
  }
  return lines;
}

function jobLine({ metadata, status }: CloudJob): string {
  return line(
    metadata,
    status.phase ?? findCondition(status.conditions, 'Ready')?.reason ?? '-',
    status.progress?.summary,
    status.message,
  );
}

function subJobLine({ metadata }: CloudJob, subJob: SubJobStatus): string {
  const reason = classifyPhase(subJob.phase) === 'succeeded' ? undefined : subJob.reason;
  const name = nameOf(subJob) || subJob.id;
  return line(metadata, `${name ?? 'a sub-job'}: ${subJob.phase ?? '-'}`, reason);
}

function line({ namespace, name }: CloudJob['metadata'], ...parts: readonly (string | undefined)[]): string {
  return [`${namespace}/${name}`, ...parts].filter((part) => part !== undefined && part !== '').join('  ');
}

function phasesOf(cloudJob: CloudJob | undefined): Phases {
  const subJobs = cloudJob?.status.subJobs ?? [];
  return new Map(subJobs.map((subJob, index) => [subJob.id ?? `#${index}`, subJob]));
}
