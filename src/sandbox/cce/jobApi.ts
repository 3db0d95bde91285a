import { NO_SUCH_API, forbidden, noSuchJob } from './answer.js';
import type { Answer } from './answer.js';
import { badJob } from './badAnswers.js';
import type { SimulatedCloud } from './cloud.js';
import type { FaultRule } from './faults.js';
import type { Route } from './route.js';
import type { SignedRequest } from './verifySignature.js';

type JobRoute = Extract<Route, { to: 'job' | 'jobList' }>;

/** The answer of the job API to one request: gateway first (limits, credentials), then CCE. */
export function answerJobs(
  cloud: SimulatedCloud,
  route: JobRoute,
  request: SignedRequest,
  fault: FaultRule | undefined,
): Answer {
  if (request.method !== 'GET' || (route.to === 'jobList' && !cloud.listsJobs)) return NO_SUCH_API;
  const limited = cloud.rateLimiter.take(route.projectID);
  if (limited !== undefined) return limited;
  const checked = cloud.authenticator.check(request);
  if (checked.result === 'refused') return checked.answer;
  if (checked.projectID !== undefined && checked.projectID !== route.projectID)
    return forbidden(route.projectID);
  if (route.to === 'jobList') {
    const listed = cloud.jobs.list(route.projectID).filter(({ job }) => !job.isAutopilot);
    return { status: 200, body: listed.map(({ job }) => job.v2(job.tree)) };
  }
  const found = cloud.jobs.find(route.projectID, route.jobID);
  const tree = found && badJob(fault, found);
  if (found === undefined || tree === undefined || tree === null) return noSuchJob(route.jobID);
  // Each kind of cluster has a service of its own, which does not know the jobs of the other.
  if (found.isAutopilot !== (route.version === 'autopilot')) return noSuchJob(route.jobID);
  return { status: 200, body: route.version === 'v2' ? found.v2(tree) : found.v3(tree) };
}
