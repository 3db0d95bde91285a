import type { Clock } from '../clock.js';
import { hasMoreValues, parseJSON } from '../json.js';
import { MAX_ANSWER_VALUES, parseAnswer } from './answerJSON.js';
import type { Authenticator } from './auth/authenticator.js';
import { readError, type CloudError } from './errors.js';
import type { Http } from './http.js';
import { readJob, type Job } from './job.js';
import { classifyPhase } from './phase.js';
import type { Region } from './regions.js';

/** A job, and whose credentials it is read with. */
export interface Target {
  readonly region: Region;
  readonly projectID: string;
  readonly jobID: string;
  /** Of the cluster that the job works on; left out: Standard. */
  readonly clusterType?: 'Standard' | 'Autopilot' | undefined;
  readonly authenticator: Authenticator;
}

interface Failed {
  readonly kind: 'error';
  readonly error: CloudError;
}

/** A job as it was read. */
export interface JobRead {
  readonly kind: 'job';
  readonly job: Job;
  /** IDs of failed sub-jobs that may tell the cause, and for which the budget had no call; left out: none. */
  readonly causesLeft?: readonly string[];
}

/** What one read of a job was answered with. */
export type JobAnswer = JobRead | Failed;

/** Nobody's fault: the same read comes through a moment later. */
const OUT_OF_BUDGET: CloudError = {
  class: 'transient',
  message: 'the request budget is used up for the moment',
  local: true,
};

/** Failed sub-jobs that are read by themselves, of one job. */
const MAX_CAUSES = 3;

/** All jobs of a project, as the v2 API shows them. */
export type ListAnswer = { readonly kind: 'list'; readonly entries: readonly unknown[] } | Failed;

/**
 * Reads jobs: `GET /api/v3/projects/{project_id}/jobs/{job_id}` (CCE API reference cce_02_0247), of Autopilot clusters
 * `GET /autopilot/v3/projects/{project_id}/jobs/{job_id}` (CCE Autopilot API reference ShowAutopilotJob), and the list that
 * newer versions have, `GET /api/v2/projects/{project_id}/jobs` (CCE API reference ListJobs).
 */
export class JobClient {
  readonly #http: Http;
  readonly #clock: Clock;

  constructor(http: Http, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  /**
   * Reads the job with one HTTP call, and a second one where the first met a closed connection or a credential that can
   * be renewed. Of a failed job it also reads up to three failed sub-jobs that say nothing of the cause, each once. `mayCall` is
   * called before each; when it says no, the read ends with what is known. Never throws.
   *
   * @param before what an earlier read has left: only that is read, and not the job again
   */
  async read(
    target: Target,
    signal: AbortSignal,
    mayCall: () => boolean = () => true,
    before?: JobRead,
  ): Promise<JobAnswer> {
    const answer = before ?? (await this.#readOne(target, signal, mayCall));
    if (answer.kind !== 'job' || !hasFailed(answer.job)) return answer;
    // The cloud shows two levels of sub-jobs. Sub-jobs are jobs: read by its own ID, one shows the levels below it.
    const { causesLeft = causeIDs(answer.job) } = answer;
    const causes = new Map<string, Job>();
    for (const [index, jobID] of causesLeft.entries()) {
      const cause = await this.#readOne({ ...target, jobID }, signal, mayCall);
      if (cause.kind === 'job') causes.set(jobID, cause.job);
      else if (cause.error === OUT_OF_BUDGET) {
        return { kind: 'job', job: withCauses(answer.job, causes), causesLeft: causesLeft.slice(index) };
      }
    }
    return { kind: 'job', job: withCauses(answer.job, causes) };
  }

  async #readOne(target: Target, signal: AbortSignal, mayCall: () => boolean): Promise<JobAnswer> {
    const { projectID, jobID, clusterType } = target;
    const api = clusterType === 'Autopilot' ? 'autopilot' : 'api';
    const url = urlOf(target, [api, 'v3', 'projects', projectID, 'jobs', jobID]);
    const body = await this.#get(url, target, signal, mayCall);
    return typeof body === 'string' ? readAnswer(body, jobID) : failed(body);
  }

  /** Reads the list of the jobs of the target's project; one of more than `maxBytes` is `malformed`. Else as `read`. */
  async list(target: Target, maxBytes: number, signal: AbortSignal): Promise<ListAnswer> {
    const url = urlOf(target, ['api', 'v2', 'projects', target.projectID, 'jobs']);
    const body = await this.#get(url, target, signal, () => true, maxBytes);
    if (typeof body !== 'string') return failed(body);
    const entries = parseJSON(body);
    if (Array.isArray(entries)) return { kind: 'list', entries };
    return malformed('the answer is no list of jobs');
  }

  /** The body of a good answer. */
  async #get(
    url: URL | undefined,
    target: Target,
    signal: AbortSignal,
    mayCall: () => boolean,
    maxBodyBytes?: number,
  ): Promise<string | CloudError> {
    if (url === undefined) {
      return { class: 'misconfigured', message: 'the project ID or job ID cannot be part of a URL' };
    }
    for (let attempt = 1; ; attempt += 1) {
      const signed = await target.authenticator.headers(
        { method: 'GET', url, projectID: target.projectID, iam: target.region.iam },
        signal,
      );
      if (!signed.ok) return { ...signed.error, local: true };
      if (!mayCall()) return OUT_OF_BUDGET;
      const answer = await this.#http.send({
        method: 'GET',
        url,
        headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...signed.headers },
        secrets: signed.secrets,
        signal,
        mayRepeat: mayCall,
        ...(maxBodyBytes !== undefined && { maxBodyBytes }),
      });
      if (answer.kind === 'failed') return answer.error;
      if (answer.status === 200) return answer.body;
      const error = readError(answer.status, answer.headers, answer.body, this.#clock.now());
      if (answer.status !== 401 || attempt > 1 || !signed.rejected()) return error;
    }
  }
}

function hasFailed({ phase }: Job): boolean {
  return classifyPhase(phase) === 'failed';
}

function causeIDs(job: Job): string[] {
  const ids = unexplained(job).slice(0, MAX_CAUSES);
  return ids.flatMap(({ id }) => id ?? []);
}

/** The failed sub-jobs, of all levels, that give no reason and have no sub-jobs that may. */
function unexplained({ subJobs }: Job): Job[] {
  return subJobs.flatMap((subJob) => (isUnexplained(subJob) ? [subJob] : unexplained(subJob)));
}

function isUnexplained(subJob: Job): boolean {
  return hasFailed(subJob) && subJob.reason === undefined && subJob.subJobs.length === 0;
}

/** The job with what was read of some of its sub-jobs, by their IDs. */
function withCauses(job: Job, causes: ReadonlyMap<string, Job>): Job {
  const subJobs = job.subJobs.map((subJob) => {
    const cause = isUnexplained(subJob) ? causes.get(subJob.id ?? '') : undefined;
    if (cause === undefined) return withCauses(subJob, causes);
    const { reason, subJobs: below } = cause;
    return { ...subJob, ...(reason !== undefined && { reason }), subJobs: below };
  });
  return { ...job, subJobs };
}

/** Undefined for IDs that would lead elsewhere: `..` is resolved by every URL parser, encoded or not. */
function urlOf({ region }: Target, path: readonly string[]): URL | undefined {
  if (path.some((part) => ['', '.', '..'].includes(part) || !isWellFormed(part))) return undefined;
  return new URL(`${region.cce.replace(/\/+$/, '')}/${path.map(encodeURIComponent).join('/')}`);
}

/** Without half a surrogate pair, which no URL can hold. */
function isWellFormed(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}

function readAnswer(text: string, jobID: string): JobAnswer {
  const body = parseAnswer(text);
  if (body === undefined) return malformed(describeBadJSON(text));
  const read = readJob(body);
  if (read.kind === 'notAJob') return malformed(`the answer is not a job: ${read.problem}`);
  if (read.job.id !== undefined && read.job.id.toLowerCase() !== jobID.toLowerCase()) {
    return malformed('the answer is about another job');
  }
  return read;
}

function describeBadJSON(text: string): string {
  if (text.trim() === '') return 'the answer is empty';
  if (hasMoreValues(text, MAX_ANSWER_VALUES)) return `the answer has more than ${MAX_ANSWER_VALUES} values`;
  return text.trimStart().startsWith('<')
    ? 'the answer is an HTML page'
    : 'the answer is no JSON, or is cut short';
}

function malformed(message: string): Failed {
  return failed({ class: 'malformed', status: 200, message });
}

function failed(error: CloudError): Failed {
  return { kind: 'error', error };
}
