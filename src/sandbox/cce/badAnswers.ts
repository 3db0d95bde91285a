import {
  INTERNAL_ERROR,
  KEY_LOCKED,
  NO_SUCH_API,
  TOKEN_EXPIRED,
  badCredentials,
  forbidden,
  gatewayError,
  noSuchJob,
} from './answer.js';
import type { Answer } from './answer.js';
import type { FaultRule } from './faults.js';
import type { FoundJob } from './jobs.js';
import { throttled } from './rateLimit.js';
import type { JobTree } from './script.js';

/** The facts about a request that its refusal may contain. */
export interface RefusedRequest {
  readonly projectID: string;
  readonly jobID: string;
  /** The cloud's clock, milliseconds since the epoch. */
  readonly now: number;
  /** The target of redirects if the rule names none. */
  readonly elsewhere: string;
}

/** The answer of faults that do not need the job; undefined for the others. */
export function badAnswer(rule: FaultRule, request: RefusedRequest): Answer | undefined {
  switch (rule.kind) {
    case 'throttle':
      return throttled(rule.retryAfter, rule.seconds, request.now);
    case 'error-500':
      return INTERNAL_ERROR;
    case 'error-502':
      return gatewayError(502, 'APIGW.0201', 'Backend unavailable.');
    case 'error-503':
      return gatewayError(503, 'APIGW.0613', 'The IAM service is temporarily unavailable.');
    case 'error-504':
      return gatewayError(504, 'APIGW.0201', 'Backend timeout.');
    case 'html-502':
      return html(
        502,
        '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>',
      );
    case 'html-200':
      return html(200, '<html><head><title>Sign in</title></head><body><form>User name</form></body></html>');
    case 'unauthorized':
      return badCredentials('decrypt token fail');
    case 'token-expired':
      return TOKEN_EXPIRED;
    case 'key-locked':
      return KEY_LOCKED;
    case 'forbidden':
      return forbidden(request.projectID);
    case 'no-such-api':
      return NO_SUCH_API;
    case 'no-such-job':
      return noSuchJob(request.jobID);
    case 'redirect':
      return { status: 302, headers: { Location: rule.location ?? request.elsewhere } };
    case 'empty-body':
      return { status: 200 };
    default:
      return undefined;
  }
}

function html(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'text/html' }, body };
}

/** The job as changed by the fault; null: as if the cloud did not know it. */
export function badJob(rule: FaultRule | undefined, { tree, earlier }: FoundJob): JobTree | null {
  switch (rule?.kind) {
    case 'gone-after-success':
      return tree.phase === 'Success' ? null : tree;
    case 'unknown-phase':
      return { ...tree, phase: 'Hibernating' };
    case 'phase-backwards':
      return earlier;
    case 'wrong-id':
      return { ...tree, id: '00000000-229a-11e8-9c75-0255ac100000' };
    default:
      return tree;
  }
}
