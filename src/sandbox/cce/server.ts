import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock } from '../../clock.js';
import { SANDBOX_ACCOUNTS } from './accounts.js';
import { answerAdmin } from './admin.js';
import { NO_SUCH_API, gatewayError } from './answer.js';
import type { Answer } from './answer.js';
import { badAnswer } from './badAnswers.js';
import { makeCloud } from './cloud.js';
import type { CloudOptions, SimulatedCloud } from './cloud.js';
import { deliver } from './deliver.js';
import { answerJobs } from './jobApi.js';
import { DEFAULT_RATE_LIMIT } from './rateLimit.js';
import { ELSEWHERE_PATH, routeOf } from './route.js';
import type { Route } from './route.js';
import type { SignedRequest } from './verifySignature.js';

export interface CceOptions extends Partial<CloudOptions> {
  /** 0 (the default): any free one. */
  readonly port?: number;
}

/** A running simulated CCE, and its parts. */
export interface RunningCce extends SimulatedCloud {
  /** `http://127.0.0.1:PORT`: endpoint of CCE, IAM, the metadata service and Pod Identity alike. */
  readonly url: string;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

/** The longest request body (bytes) that is accepted. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Starts a simulated CCE on the loopback interface: the v3 and v2 job APIs, IAM's token APIs, an ECS metadata service
 * and a Pod Identity endpoint, with credentials checked, limits kept and faults on command.
 * Rejects with node's own error when the port is taken.
 */
export async function startCce(options: CceOptions = {}): Promise<RunningCce> {
  const cloud = makeCloud({
    accounts: options.accounts ?? SANDBOX_ACCOUNTS,
    clock: options.clock ?? systemClock,
    speed: options.speed ?? 1,
    seed: options.seed ?? 1,
    rateLimit: options.rateLimit ?? DEFAULT_RATE_LIMIT,
    tokenLifetimeSeconds: options.tokenLifetimeSeconds ?? 24 * 3600,
    keyLifetimeSeconds: options.keyLifetimeSeconds ?? 3600,
    metadata: options.metadata ?? { sessionTokens: true, agency: true },
    listsJobs: options.listsJobs ?? true,
  });
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 });
  server.on('request', (request, response) => {
    response.on('error', () => undefined);
    // A broken request, or a bug in here: this connection ends, and the server goes on.
    handle(cloud, url, request, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return {
    ...cloud,
    url,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(
  cloud: SimulatedCloud,
  url: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestID = randomBytes(16).toString('hex');
  const route = routeOf(incoming.url ?? '/');
  const body = await readBody(incoming);
  if (body === undefined) {
    const tooLarge = gatewayError(413, 'APIGW.0201', 'Request entity too large');
    return deliver(
      response,
      { ...tooLarge, headers: { connection: 'close' } },
      undefined,
      requestID,
      cloud.time.clock,
    );
  }
  const { method = 'GET', url: target = '/', headers } = incoming;
  if (route.to === 'admin') {
    const answer = answerAdmin(cloud, method, route.path, body);
    return deliver(response, answer, undefined, requestID, cloud.time.clock);
  }
  const request: SignedRequest = { method, target, headers, body };
  const aboutJobs = route.to === 'job' || route.to === 'jobList';
  const jobID = route.to === 'job' ? route.jobID : undefined;
  const fault = route.to === 'elsewhere' ? undefined : cloud.faults.strike(aboutJobs ? 'jobs' : 'iam', jobID);
  const refusal =
    fault &&
    badAnswer(fault, {
      projectID: aboutJobs ? route.projectID : '',
      jobID: jobID ?? '',
      now: cloud.time.wall(),
      elsewhere: `${url}${ELSEWHERE_PATH}`,
    });
  const answer = refusal ?? answerTo(cloud, route, request, fault);
  cloud.counters.count({
    area: aboutJobs ? 'jobs' : route.to === 'elsewhere' ? 'elsewhere' : 'iam',
    jobID,
    fault: fault?.kind,
    status: answer.status,
    jobUnknown: answer.status === 404 && aboutJobs && answer !== NO_SUCH_API,
  });
  return deliver(response, answer, fault, requestID, cloud.time.clock);
}

function answerTo(
  cloud: SimulatedCloud,
  route: Exclude<Route, { to: 'admin' }>,
  request: SignedRequest,
  fault: Parameters<typeof answerJobs>[3],
): Answer {
  switch (route.to) {
    case 'job':
    case 'jobList':
      return answerJobs(cloud, route, request, fault);
    case 'elsewhere':
      return { status: 200, body: { kind: 'Job', status: { phase: 'Success' } } };
    case 'other':
      return cloud.iam.answer(route.path, request) ?? NO_SUCH_API;
  }
}

/** The bytes of the body; undefined when there are too many. */
async function readBody(incoming: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Reads the rest without keeping it, so that the client gets the refusal.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}
