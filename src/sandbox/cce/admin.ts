import * as z from 'zod';
import type { Answer } from './answer.js';
import type { SimulatedCloud } from './cloud.js';
import { FAULTS, faultRuleSchema } from './faults.js';
import { framesOf } from './plan.js';
import { seededRandom } from './random.js';
import { randomPlan } from './randomPlan.js';
import { rateLimitSchema } from './rateLimit.js';
import { scriptSchema } from './script.js';

const clockSchema = z.strictObject({
  advanceSeconds: z.number().min(0).max(31_536_000).optional(),
  speed: z.number().min(0).max(100_000).optional(),
  skewSeconds: z.number().min(-31_536_000).max(31_536_000).optional(),
});

const randomJobSchema = z.strictObject({
  projectID: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -'),
  seed: z.union([z.int(), z.string().max(64)]),
  durationSeconds: z.number().min(1).max(604_800).optional(),
  failing: z.number().min(0).max(1).optional(),
});

/** What `GET /_sandbox/` answers, and `--help` shows. */
export const ADMIN_HELP = `The simulated CCE's own controls (paths under /_sandbox/, JSON in and out):

  GET    jobs                what the cloud knows now
  POST   jobs                starts a script: {"projectID":P,"frames":[{"at":0,"tree":{"id":I,"type":T,"phase":"Running"}},
                             {"at":9,"tree":{...}}][,"clusterType":"Autopilot"]}; "tree":null from then on: the cloud no longer
                             knows the job
  POST   jobs/random         starts a random job: {"projectID":P,"seed":1[,"durationSeconds":60][,"failing":0.25]}
  DELETE jobs/{id}
  GET    faults              the rules, and how often each has struck
  POST   faults              adds one: {"kind":K[,"jobID":I][,"on":"jobs"|"iam"][,"after":n][,"every":n][,"times":n]
                             [,"probability":p][,"seconds":s][,"retryAfter":"none"|"int"|"float"|"date"][,"location":URL]}
  DELETE faults, faults/{n}
  GET    clock               the jobs' clock, its speed, the wall clock's skew
  POST   clock               {["advanceSeconds":s][,"speed":x][,"skewSeconds":s]}
  GET    rate-limit
  PUT    rate-limit          {"limit":n,"windowSeconds":s,"retryAfter":"none"[,"retryAfterProbability":p]}
  POST   revoke              ends every issued token and temporary key
  GET    counters            calls by job, by class, by status, and the peak rate
  DELETE counters

Kinds of fault:
${Object.entries(FAULTS)
  .map(([kind, what]) => `  ${kind.padEnd(21)} ${what}`)
  .join('\n')}
`;

/** Answers one request to the admin API; `path` is what follows its prefix. */
export function answerAdmin(cloud: SimulatedCloud, method: string, path: string, body: Uint8Array): Answer {
  try {
    return dispatch(cloud, `${method} ${path}`, body);
  } catch (error) {
    if (error instanceof z.ZodError) return refused(z.prettifyError(error));
    if (error instanceof RangeError || error instanceof SyntaxError) return refused(error.message);
    throw error;
  }
}

function dispatch(cloud: SimulatedCloud, call: string, body: Uint8Array): Answer {
  const input = (): unknown => JSON.parse(Buffer.from(body).toString());
  switch (call) {
    case 'GET ':
      return ok(ADMIN_HELP);
    case 'GET jobs':
      return ok(cloud.jobs.list().map(({ projectID, job }) => ({ projectID, ...job.v3(job.tree) })));
    case 'POST jobs':
      return ok({ id: cloud.jobs.add(scriptSchema.parse(input())) });
    case 'POST jobs/random': {
      const { projectID, seed, ...options } = randomJobSchema.parse(input());
      return ok({
        id: cloud.jobs.add({ projectID, frames: framesOf(randomPlan(seededRandom(seed), options)) }),
      });
    }
    case 'GET faults':
      return ok(cloud.faults.list());
    case 'POST faults':
      return ok({ id: cloud.faults.add(faultRuleSchema.parse(input())) });
    case 'DELETE faults':
      cloud.faults.clear();
      return ok({});
    case 'GET clock':
      return ok(clockOf(cloud));
    case 'POST clock': {
      const { advanceSeconds, speed, skewSeconds } = clockSchema.parse(input());
      if (speed !== undefined) cloud.time.setSpeed(speed);
      if (advanceSeconds !== undefined) cloud.time.advance(advanceSeconds * 1000);
      if (skewSeconds !== undefined) cloud.time.skewMs = skewSeconds * 1000;
      return ok(clockOf(cloud));
    }
    case 'GET rate-limit':
      return ok(cloud.rateLimiter.rule);
    case 'PUT rate-limit':
      cloud.rateLimiter.rule = rateLimitSchema.parse(input());
      return ok(cloud.rateLimiter.rule);
    case 'POST revoke':
      return ok({ revoked: cloud.grants.revokeIssued() });
    case 'GET counters':
      return ok(cloud.counters.snapshot());
    case 'DELETE counters':
      cloud.counters.reset();
      return ok({});
    default:
      return removeOne(cloud, call);
  }
}

function removeOne(cloud: SimulatedCloud, call: string): Answer {
  const [, list, id = ''] = /^DELETE (jobs|faults)\/([A-Za-z0-9_-]+)$/.exec(call) ?? [];
  if (list === undefined)
    return { status: 404, body: { error: 'no such control; GET /_sandbox/ lists them' } };
  const removed = list === 'jobs' ? cloud.jobs.remove(id) : cloud.faults.remove(Number(id));
  return removed ? ok({}) : { status: 404, body: { error: `there is no "${id}" in ${list}` } };
}

function clockOf({ time }: SimulatedCloud): Record<string, unknown> {
  return {
    jobs: new Date(time.jobs()).toISOString(),
    wall: new Date(time.wall()).toISOString(),
    speed: time.speed,
    skewSeconds: time.skewMs / 1000,
  };
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function refused(problem: string): Answer {
  return { status: 400, body: { error: problem } };
}
