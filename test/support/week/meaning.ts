import type { CloudJobStatus } from '../../../src/api/cloudjob.js';
import type { JobTree } from '../../../src/sandbox/cce/script.js';

/** What the cloud says of a job, and what a status says of it, in one form: phase, reason, and each sub-job's phase. */
export function reportedByTree({ phase, reason, subJobs = [] }: JobTree): string {
  const parts: string[] = [];
  const visit = (trees: readonly JobTree[]): void => {
    for (const tree of trees) {
      parts.push(part(tree.id, tree.phase));
      visit(tree.subJobs ?? []);
    }
  };
  visit(subJobs);
  return inOneForm(phase, reason, parts);
}

/** Undefined: it says nothing of the job. */
export function reportedByStatus({
  progress,
  phase,
  reason,
  subJobs = [],
}: CloudJobStatus): string | undefined {
  if (progress === undefined) return undefined;
  return inOneForm(
    phase,
    reason,
    subJobs.map((subJob) => part(subJob.id ?? '', subJob.phase)),
  );
}

/** All that a status says but when conditions turned. */
export function timeless(status: CloudJobStatus): string {
  const conditions = (status.conditions ?? []).map(({ lastTransitionTime: _, ...condition }) => condition);
  return JSON.stringify({ ...status, conditions });
}

function part(id: string, phase: string | undefined): string {
  return `${id}=${phase ?? ''}`;
}

function inOneForm(phase: string | undefined, reason: string | undefined, parts: readonly string[]): string {
  return [phase ?? '', reason ?? '', ...parts.toSorted()].join('|');
}
