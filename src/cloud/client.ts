import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Authenticator } from './auth/authenticator.js';
import { readError, type CloudError } from './errors.js';
import type { Http } from './http.js';
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

/** Reads jobs: `GET /api/v3/projects/{project_id}/jobs/{job_id}` (CCE API reference cce_02_0247). */
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
    const url = jobURL(target);
    if (url === undefined) {
      return failed({ class: 'misconfigured', message: 'the project ID or job ID cannot be part of a URL' });
    }
    for (let attempt = 1; ; attempt += 1) {
      const signed = await target.authenticator.headers(
        { method: 'GET', url, projectID: target.projectID, iam: target.region.iam },
        signal,
      );
      if (!signed.ok) return failed({ ...signed.error, local: true });
      if (!mayCall()) return failed(OUT_OF_BUDGET);
      const answer = await this.#http.send({
        method: 'GET',
        url,
        headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...signed.headers },
        secrets: signed.secrets,
        signal,
        mayRepeat: mayCall,
      });
      if (answer.kind === 'failed') return failed(answer.error);
      if (answer.status === 200) return readAnswer(answer.body, target.jobID, known);
      const error = readError(answer.status, answer.headers, answer.body, this.#clock.now());
      if (answer.status !== 401 || attempt > 1 || !signed.rejected()) return failed(error);
    }
  }
}

/** Undefined for IDs that would lead elsewhere: `..` is resolved by every URL parser, encoded or not. */
function jobURL({ region, projectID, jobID }: Target): URL | undefined {
  const segments: string[] = [];
  for (const id of [projectID, jobID]) {
    if (id === '' || id === '.' || id === '..') return undefined;
    const segment = encode(id);
    if (segment === undefined) return undefined;
    segments.push(segment);
  }
  const [project, job] = segments;
  return new URL(`${region.cce.replace(/\/+$/, '')}/api/v3/projects/${project}/jobs/${job}`);
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
  const digest = createHash('sha1').update(text).digest('base64');
  if (digest === known) return unread(text, known);
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

/** A job that is only read if somebody wants to know more of it than that it is the same. */
function unread(text: string, digest: string): Observation {
  return {
    kind: 'job',
    digest,
    get job(): Job {
      const read = readJob(JSON.parse(text));
      if (read.kind === 'job') return read.job;
      throw new Error('an answer that was a job is none any more');
    },
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
