import type { Clock } from '../../../src/clock.js';
import type { Http, HttpAnswer, HttpRequest } from '../../../src/cloud/http.js';
import { frameIndexAt, type JobTree } from '../../../src/sandbox/cce/script.js';
import { jobBody, type JobScript } from '../jobs.js';
import { CallRules } from './callRules.js';
import { reportedByTree } from './meaning.js';
import { BUDGET, DAY, PROJECTS, type PlannedJob, type Project, type Week } from './plan.js';

/** The gateway counts a project's requests by the minute; the operator's budget allows a little more than it does. */
const LIMIT_PER_MINUTE = 100;
const SILENCE_MS = 10_000;
const TOKEN_LIFETIME_MS = DAY;
/** Of the answers about jobs, each kind of misbehaviour has this share. */
const MISBEHAVIOUR = 0.002;

const UNKNOWN_JOB = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code: 404,
  errorCode: 'CCE.01404001',
  message: 'the job does not exist',
};

interface Reported {
  readonly at: number;
  readonly what: string;
}

/** A cloud in memory: answers after a while by the virtual clock, keeps to the plan, and misbehaves by chance. */
export class WeekCloud implements Http {
  readonly rules = new Map(PROJECTS.map(({ id }) => [id, new CallRules(id, BUDGET)]));
  /** By job: what was reported of it, each time that it differed from the report before. */
  readonly reported = new Map<string, Reported[]>();
  /** By job: that an answer was none, for whatever reason. */
  readonly failedPolls = new Map<string, number[]>();
  readonly broken: string[] = [];
  readonly answers = new Map<number, number>();
  tokensIssued = 0;
  readonly #jobs: ReadonlyMap<string, PlannedJob>;
  readonly #underWay = new Set<string>();
  readonly #minutes = new Map<string, { minute: number; used: number }>();
  /** Issued tokens: when they end, and the password that they were issued for. */
  readonly #tokens = new Map<string, { readonly until: number; readonly password: string }>();

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly week: Week,
    private readonly startedAt: number,
  ) {
    this.#jobs = new Map(week.jobs.map((job) => [job.id, job]));
  }

  close(): void {}

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const [, projectID = '', jobID = ''] =
      /^\/api\/v3\/projects\/([^/]+)\/jobs\/([^/]+)$/.exec(request.url.pathname) ?? [];
    if (jobID === '') return this.#issueToken(request);
    const rules = this.rules.get(projectID);
    const project = PROJECTS.find(({ id }) => id === projectID);
    if (rules === undefined || project === undefined) throw new Error(`a call to ${request.url.href}`);
    rules.called(this.clock.monotonic());
    if (this.#underWay.has(jobID)) this.broken.push(`${jobID}: two calls at a time`);
    this.#underWay.add(jobID);
    const answered = await this.#pass(this.random() < 0.01 ? 3_000 : 20 + this.random() * 300, request);
    const outage = answered ? this.#outageOf(project) : undefined;
    if (outage?.kind === 'silent') await this.#pass(SILENCE_MS, request);
    const silent = !answered || outage?.kind === 'silent';
    this.#underWay.delete(jobID);
    const answer = silent
      ? failed('no complete answer in time')
      : outage === undefined
        ? this.#answer(project, jobID, request)
        : json(503, { error_code: 'APIGW.0201', error_msg: 'Backend unavailable.' });
    if (!tellsOfAJob(answer)) push(this.failedPolls, jobID, this.clock.monotonic());
    if (answer.kind === 'answer') {
      this.answers.set(answer.status, (this.answers.get(answer.status) ?? 0) + 1);
    }
    return answer;
  }

  /** The job as the cloud has it in the end; undefined: it does not know it. */
  lastTree({ frames, vanishesAt, startsAt }: PlannedJob): JobTree | undefined {
    const last = frames.at(-1);
    if (last === undefined || last.tree === null || vanishesAt < startsAt + last.at * 1000) return undefined;
    return last.tree;
  }

  /** What the project's credentials are now, and the Secret's data in plain text. */
  credentials({ id, family }: Project, reported: boolean): Record<string, string> {
    const now = this.clock.monotonic();
    const version = this.week.rotations.filter(
      ({ project, at, writtenAt }) => project.id === id && (reported ? writtenAt : at) <= now,
    ).length;
    const secret = `secret-of-${id}-${version}`;
    switch (family) {
      case 'token':
        return { token: secret };
      case 'accessKey':
        return { accessKey: `AK-${id}-${version}`, secretKey: secret };
      case 'password':
        return { username: id, password: secret, domainName: 'domain' };
    }
  }

  #answer(project: Project, jobID: string, { headers }: HttpRequest): HttpAnswer {
    const limited = this.#limit(project);
    if (limited !== undefined) return limited;
    if (!this.#knows(project, headers)) {
      return json(401, { error_code: 'APIGW.0301', error_msg: 'Incorrect IAM authentication information' });
    }
    const job = this.#jobs.get(jobID);
    const now = this.clock.monotonic();
    const index = job === undefined ? -1 : frameIndexAt(job.frames, (now - job.startsAt) / 1000);
    const tree = job?.frames[index]?.tree;
    if (job === undefined || tree === undefined || tree === null || now >= job.vanishesAt) {
      return json(404, UNKNOWN_JOB);
    }
    return this.#misbehave(project, job, tree, job.frames[index - 1]?.tree ?? tree);
  }

  /** Mostly the job as it is. */
  #misbehave(project: Project, job: PlannedJob, tree: JobTree, earlier: JobTree): HttpAnswer {
    const throttled = { error_code: 'APIGW.0308', error_msg: 'The throttling threshold has been reached' };
    const wait = Math.round(this.random() * 120_000) / 1000;
    switch (Math.floor(this.random() / MISBEHAVIOUR)) {
      case 0:
        return this.#tellToWait(project, json(429, throttled), undefined);
      case 1:
        return this.#tellToWait(project, json(429, throttled), String(wait));
      case 2:
        return this.#tellToWait(project, json(429, throttled), String(Math.ceil(wait)));
      case 3:
        return this.#tellToWait(project, json(503, {}), dateIn(this.clock, wait * 1000));
      case 4:
        return json(500, { errorCode: 'CCE.01500001', errorMessage: 'Internal error.' });
      case 5:
        return { kind: 'answer', status: 200, headers: {}, body: '<html>Sign in</html>' };
      case 6:
        return { kind: 'answer', status: 200, headers: {}, body: '{"kind":"Job","status":{"pha' };
      case 7:
        return failed('the connection was reset (ECONNRESET)');
      case 8:
        return this.#report(job, earlier);
      case 9:
        return this.#report(job, { ...tree, phase: tree.phase === 'Running' ? 'Hibernating' : tree.phase });
      default:
        return this.#report(job, tree);
    }
  }

  #report(job: PlannedJob, tree: JobTree): HttpAnswer {
    const what = reportedByTree(tree);
    const reported = this.reported.get(job.id)?.at(-1);
    if (reported?.what !== what) push(this.reported, job.id, { at: this.clock.monotonic(), what });
    const origin = this.startedAt + job.startsAt;
    return json(200, jobBody(script(tree, (seconds) => new Date(origin + seconds * 1000).toISOString())));
  }

  #tellToWait({ id }: Project, answer: HttpAnswer, retryAfter: string | undefined): HttpAnswer {
    if (answer.kind === 'failed') return answer;
    const ms =
      retryAfter === undefined
        ? 60_000
        : /^[\d.]+$/.test(retryAfter)
          ? Number(retryAfter) * 1000
          : Date.parse(retryAfter) - this.clock.now();
    this.rules.get(id)?.mustWait(this.clock.monotonic() + ms);
    return retryAfter === undefined ? answer : { ...answer, headers: { 'retry-after': retryAfter } };
  }

  #limit(project: Project): HttpAnswer | undefined {
    const minute = Math.floor(this.clock.monotonic() / 60_000);
    const window = this.#minutes.get(project.id);
    const used = window?.minute === minute ? window.used + 1 : 1;
    this.#minutes.set(project.id, { minute, used });
    if (used <= LIMIT_PER_MINUTE) return undefined;
    const body = { error_code: 'APIGW.0308', error_msg: 'policy user over ratelimit,limit:100' };
    return this.#tellToWait(project, json(429, body), undefined);
  }

  #knows(project: Project, headers: Readonly<Record<string, string>>): boolean {
    const { token, accessKey, password } = this.credentials(project, false);
    const shown = headers['X-Auth-Token'] ?? '';
    if (project.family === 'token') return shown === token;
    if (project.family === 'password') {
      const issued = this.#tokens.get(shown);
      return issued !== undefined && issued.password === password && issued.until > this.clock.monotonic();
    }
    return headers['Authorization']?.includes(`Access=${accessKey},`) ?? false;
  }

  async #issueToken({ url, body = '', signal }: HttpRequest): Promise<HttpAnswer> {
    if (url.pathname !== '/v3/auth/tokens') throw new Error(`a call to ${url.href}`);
    await this.#pass(200, { signal });
    const { user } = (
      JSON.parse(body) as { auth: { identity: { password: { user: { name: string; password: string } } } } }
    ).auth.identity.password;
    const project = PROJECTS.find(({ id }) => id === user.name);
    if (project === undefined || this.credentials(project, false)['password'] !== user.password) {
      return json(401, { error: { code: 401, message: 'The username or password is wrong.' } });
    }
    this.tokensIssued += 1;
    const token = `issued-${project.id}-${this.tokensIssued}`;
    this.#tokens.set(token, { until: this.clock.monotonic() + TOKEN_LIFETIME_MS, password: user.password });
    const now = this.clock.now();
    const times = {
      issued_at: new Date(now).toISOString(),
      expires_at: new Date(now + TOKEN_LIFETIME_MS).toISOString(),
    };
    return { ...json(201, { token: times }), headers: { 'x-subject-token': token } };
  }

  #outageOf({ region }: Project) {
    const now = this.clock.monotonic();
    return this.week.outages.find(
      (outage) => outage.region === region && outage.from <= now && now < outage.to,
    );
  }

  /** False when the caller has gone meanwhile. */
  #pass(ms: number, { signal }: Pick<HttpRequest, 'signal'>): Promise<boolean> {
    return new Promise((resolve) => {
      const gone = (): void => {
        cancel();
        resolve(false);
      };
      const cancel = this.clock.schedule(ms, () => {
        signal.removeEventListener('abort', gone);
        resolve(true);
      });
      signal.addEventListener('abort', gone, { once: true });
    });
  }
}

function script(tree: JobTree, at: (seconds: number) => string): JobScript {
  const { id, type, phase, reason, resourceName, createdAt = 0, updatedAt = 0, subJobs } = tree;
  return {
    uid: id,
    ...(type === undefined ? {} : { type }),
    ...(phase === undefined ? {} : { phase }),
    ...(reason === undefined ? {} : { reason }),
    ...(resourceName === undefined ? {} : { resourceName }),
    created: at(createdAt),
    updated: at(updatedAt),
    ...(subJobs === undefined ? {} : { subJobs: subJobs.map((subJob) => script(subJob, at)) }),
  };
}

function json(status: number, body: unknown): HttpAnswer & { readonly kind: 'answer' } {
  return { kind: 'answer', status, headers: {}, body: JSON.stringify(body) };
}

function failed(message: string): HttpAnswer {
  return { kind: 'failed', error: { class: 'transient', message } };
}

/** Neither an error nor a page nor a job that is cut short. */
function tellsOfAJob(answer: HttpAnswer): boolean {
  return answer.kind === 'answer' && answer.status === 200 && answer.body.endsWith('}');
}

function dateIn(clock: Clock, ms: number): string {
  return new Date(Math.ceil((clock.now() + ms) / 1000) * 1000).toUTCString();
}

function push<T>(lists: Map<string, T[]>, key: string, entry: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [entry]);
  else list.push(entry);
}
