import type { CloudJob, CloudJobStatus, SubJobStatus } from '../../../src/api/cloudjob.js';
import type { Output } from '../../../src/plugin/output.js';
import { makePaint } from '../../../src/terminal/paint.js';
import { cloudJob, CREATED } from '../../support/cloudJobs.js';

/** Five minutes after the CloudJobs of these tests were created. */
export const NOW = CREATED + 300_000;

export function at(seconds: number): string {
  return new Date(CREATED + seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** A sub-job that began when the job did and changed last after `seconds`. */
export function sub(
  id: string,
  parentID: string,
  phase: string | undefined,
  rest: Partial<SubJobStatus> & { readonly seconds?: number } = {},
): SubJobStatus {
  const { seconds = 60, ...fields } = rest;
  return { id, parentID, phase, startTime: at(0), updateTime: at(seconds), ...fields };
}

/** A CloudJob with that status, seen by the operator as it is. */
export function seen(status: CloudJobStatus, name = 'scale-up', namespace = 'infra'): CloudJob {
  const object = cloudJob({}, { name, namespace, uid: `uid-of-${name}` });
  return { ...object, status: { observedGeneration: 1, jobID: object.spec.jobID, ...status } };
}

export function condition(
  type: string,
  status: 'True' | 'False' | 'Unknown',
  reason = 'Reason',
  seconds = 0,
) {
  return { type, status, reason, message: `${reason} it is`, lastTransitionTime: at(seconds) };
}

/** Conditions of a job that has ended. */
export function ended(how: 'True' | 'False', seconds = 0) {
  return [condition('Finished', 'True', 'Ended', seconds), condition('Succeeded', how, 'Ended', seconds)];
}

/** Keeps what is written; no terminal, no colours. */
export function memoryOutput(): Output & { readonly lines: string[]; readonly complaints: string[] } {
  const lines: string[] = [];
  const complaints: string[] = [];
  return {
    paint: makePaint(false),
    screen: undefined,
    columns: () => undefined,
    print: (more) => void lines.push(...more),
    waitFor: () => undefined,
    complain: (line) => void complaints.push(line),
    lines,
    complaints,
  };
}
