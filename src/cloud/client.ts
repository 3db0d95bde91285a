import type { Clock } from '../clock.js';
import { hasMoreValues, parseJSON } from '../json.js';
import { MAX_ANSWER_VALUES, parseAnswer } from './answerJSON.js';
import type { Authenticator } from './auth/authenticator.js';
import { readError, type AnswerContext, type CloudError, type Headers } from './errors.js';
import type { Http } from './http.js';
import { readJob, type Job } from './job.js';
import { classifyPhase } from './phase.js';
import type { Region } from './regions.js';

/** A job and the credentials to read it with. */
export interface Target {
  readonly region: Region;
  readonly projectID: string;
  readonly jobID: string;
  /** Of the cluster that the job works on; left out: Standard. */
  readonly clusterType?: 'Standard' | 'Autopilot' | undefined;
  readonly authenticator: Authenticator;
}

/** An answer of 200. */
interface GoodAnswer {
  readonly headers: Headers;
  readonly body: string;
}

interface Failed {
  readonly kind: 'error';
  readonly error: CloudError;
}

/** A job as it was read. */
export interface JobRead {
  readonly kind: 'job';
  readonly job: Job;
  /** IDs of failed sub-jobs that may give the cause, and for which the budget had no call; left out: none. */
  readonly causesLeft?: readonly string[];
}

/** The answer to one read of a job. */
export type JobAnswer = JobRead | Failed;

/** Not a failure: the same read succeeds a moment later. */
const OUT_OF_BUDGET: CloudError = {
  class: 'transient',
  message: 'the request budget is used up for the moment',
  local: true,
};

/** The most failed sub-jobs of one job that are read separately. */
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
   * Reads the job with one HTTP call, and a second one if the first met a closed connection or a credential that can be
   * renewed. For a failed job it also reads up to three failed sub-jobs that give no cause, each once. `mayCall` is called
   * before each call; when it returns false, the read ends with what is known. Never throws.
   *
   * @param before an earlier read that left causes: only these are read, and not the job again
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
    const answer = await this.#get(url, target, signal, mayCall);
    return 'class' in answer ? failed(answer) : readAnswer(answer, target);
  }

  /** Reads the list of the jobs of the target's project. Else as `read`. */
  async list(target: Target, signal: AbortSignal): Promise<ListAnswer> {
    const url = urlOf(target, ['api', 'v2', 'projects', target.projectID, 'jobs']);
    const answer = await this.#get(url, target, signal, () => true);
    if ('class' in answer) return failed(answer);
    const entries = parseJSON(answer.body);
    if (Array.isArray(entries)) return { kind: 'list', entries };
    return malformed('the answer is no list of jobs', answer, target);
  }

  async #get(
    url: URL | undefined,
    target: Target,
    signal: AbortSignal,
    mayCall: () => boolean,
  ): Promise<GoodAnswer | CloudError> {
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
      });
      if (answer.kind === 'failed') return answer.error;
      if (answer.status === 200) return answer;
      const context = contextOf(target);
      const error = readError(answer.status, answer.headers, answer.body, this.#clock.now(), context);
      if (error.class !== 'unauthorized' || attempt > 1 || !signed.rejected()) return error;
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

/** The job with the causes that were read for some of its sub-jobs, by their IDs. */
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

function readAnswer(answer: GoodAnswer, target: Target): JobAnswer {
  const body = parseAnswer(answer.body);
  if (body === undefined) return malformed(describeBadJSON(answer.body), answer, target);
  const read = readJob(body);
  if (read.kind === 'notAJob') return malformed(`the answer is not a job: ${read.problem}`, answer, target);
  if (read.job.id !== undefined && read.job.id.toLowerCase() !== target.jobID.toLowerCase()) {
    return malformed('the answer is about another job', answer, target);
  }
  return read;
}

function describeBadJSON(text: string): string {
  if (text.trim() === '') return 'the answer is empty';
  if (hasMoreValues(text, MAX_ANSWER_VALUES)) return `the answer has more than ${MAX_ANSWER_VALUES} values`;
  return 'the answer is no JSON, or is cut short';
}

/** An answer of 200 that is of no use: the error or the page that it is, else the `problem`. */
function malformed(problem: string, { headers, body }: GoodAnswer, target: Target): Failed {
  const error = readError(200, headers, body, 0, contextOf(target));
  return failed(error.meaning === undefined ? { ...error, message: problem } : error);
}

function contextOf({ projectID, jobID }: Target): AnswerContext {
  return { ownIDs: [projectID, jobID] };
}

function failed(error: CloudError): Failed {
  return { kind: 'error', error };
}
