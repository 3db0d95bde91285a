import { hash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Authenticator } from './auth/authenticator.js';
import { readError, type CloudError } from './errors.js';
import type { Http, HttpRequest } from './http.js';
import { readJob, type Job, type Observation } from './job.js';
import type { Region } from './regions.js';

/** A job, and who asks about it. */
export interface Target {
  readonly region: Region;
  readonly projectID: string;
  readonly jobID: string;
  readonly authenticator: Authenticator;
}

/** Nobody's fault: the same look comes through a moment later. */
const OUT_OF_BUDGET: CloudError = {
  class: 'transient',
  message: 'the request budget is used up for the moment',
  local: true,
};

/** A list that takes longer is of no use: it is compared with what was seen a few seconds ago. */
const LIST_TIMEOUT_MS = 5_000;

/** All jobs of a project, as the v2 API shows them. */
export type ListAnswer =
  | { readonly kind: 'list'; readonly entries: readonly unknown[] }
  | { readonly kind: 'error'; readonly error: CloudError };

/**
 * Reads jobs: `GET /api/v3/projects/{project_id}/jobs/{job_id}` (CCE API reference cce_02_0247), and the list that newer
 * versions have, `GET /api/v2/projects/{project_id}/jobs` (CCE API reference ListJobs).
 */
export class JobClient {
  readonly #http: Http;
  readonly #clock: Clock;

  constructor(http: Http, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  /**
   * One look at the job: one HTTP call, and a second one where the first met a closed connection or a credential that
   * can be renewed. `mayCall` is asked before each; when it says no, the look ends with what is known. Never throws.
   *
   * @param known the digest of an earlier good answer about this job: the same answer is then not read again
   */
  async read(
    target: Target,
    signal: AbortSignal,
    mayCall: () => boolean = () => true,
    known?: string,
  ): Promise<Observation> {
    const { projectID, jobID } = target;
    const url = urlOf(target, 'api', 'v3', 'projects', projectID, 'jobs', jobID);
    const body = await this.#get(url, target, signal, mayCall);
    return typeof body === 'string' ? readAnswer(body, jobID, known) : failed(body);
  }

  /** The list of the jobs of the target's project; `malformed` when it has more than `maxBytes`. Else as `read`. */
  async list(
    target: Target,
    maxBytes: number,
    signal: AbortSignal,
    mayCall: () => boolean = () => true,
  ): Promise<ListAnswer> {
    const url = urlOf(target, 'api', 'v2', 'projects', target.projectID, 'jobs');
    const limits = { maxBodyBytes: maxBytes, timeoutMs: LIST_TIMEOUT_MS };
    const body = await this.#get(url, target, signal, mayCall, limits);
    return typeof body === 'string' ? readList(body) : { kind: 'error', error: body };
  }

  /** The body of a good answer. */
  async #get(
    url: URL | undefined,
    target: Target,
    signal: AbortSignal,
    mayCall: () => boolean,
    limits: Pick<HttpRequest, 'maxBodyBytes' | 'timeoutMs'> = {},
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
        ...limits,
      });
      if (answer.kind === 'failed') return answer.error;
      if (answer.status === 200) return answer.body;
      const error = readError(answer.status, answer.headers, answer.body, this.#clock.now());
      if (answer.status !== 401 || attempt > 1 || !signed.rejected()) return error;
    }
  }
}

/** Undefined for IDs that would lead elsewhere: `..` is resolved by every URL parser, encoded or not. */
function urlOf({ region }: Target, ...path: readonly string[]): URL | undefined {
  const segments: string[] = [];
  for (const part of path) {
    if (part === '' || part === '.' || part === '..') return undefined;
    const segment = encode(part);
    if (segment === undefined) return undefined;
    segments.push(segment);
  }
  return new URL(`${region.cce.replace(/\/+$/, '')}/${segments.join('/')}`);
}

function encode(id: string): string | undefined {
  try {
    return encodeURIComponent(id);
  } catch {
    // Half a surrogate pair.
    return undefined;
  }
}

function readAnswer(text: string, jobID: string, known: string | undefined): Observation {
  const digest = hash('sha1', text, 'base64');
  if (digest === known) return new UnreadJob(text, known);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return failed({ class: 'malformed', status: 200, message: describeBadJSON(text) });
  }
  const read = readJob(body);
  if (read.kind === 'notAJob') {
    return failed({ class: 'malformed', status: 200, message: `the answer is not a job: ${read.problem}` });
  }
  if (read.job.id !== undefined && read.job.id.toLowerCase() !== jobID.toLowerCase()) {
    return failed({ class: 'malformed', status: 200, message: 'the answer is about another job' });
  }
  return { ...read, digest };
}

/**
 * A job that is only read if somebody wants to know more of it than that it is the same. (A class: V8 makes each object literal
 * with a getter a shape of its own, which keeps the getter and with it the text until all of the heap is collected.)
 */
class UnreadJob {
  readonly kind = 'job';
  readonly digest: string;
  readonly #text: string;

  constructor(text: string, digest: string) {
    this.#text = text;
    this.digest = digest;
  }

  get job(): Job {
    const read = readJob(JSON.parse(this.#text));
    if (read.kind === 'job') return read.job;
    throw new Error('an answer that was a job is none any more');
  }
}

function readList(text: string): ListAnswer {
  try {
    const entries: unknown = JSON.parse(text);
    if (Array.isArray(entries)) return { kind: 'list', entries };
  } catch {
    // As good as something else than a list.
  }
  return {
    kind: 'error',
    error: { class: 'malformed', status: 200, message: 'the answer is no list of jobs' },
  };
}

function describeBadJSON(text: string): string {
  if (text.trim() === '') return 'the answer is empty';
  return text.trimStart().startsWith('<')
    ? 'the answer is an HTML page'
    : 'the answer is no JSON, or is cut short';
}

function failed(error: CloudError): Observation {
  return { kind: 'error', error };
}
