import type { Clock } from '../../clock.js';
import type { AccessKey } from '../credentials.js';
import { readError, type CloudError } from '../errors.js';
import type { Http, HttpAnswer } from '../http.js';
import { asRecord } from '../../json.js';
import { parseAnswer } from '../answerJSON.js';
import { serverTime } from '../time.js';
import type { Issued } from './renewals.js';
import { readTemporaryKey } from './temporaryKey.js';

const ENDPOINT = 'http://169.254.169.254';
const SOURCE = 'the metadata service of the ECS';
const TIMEOUT_MS = 3_000;
const SESSION_SECONDS = '21600';
const NAMES = {
  accessKey: 'access',
  secretKey: 'secret',
  securityToken: 'securitytoken',
  expiresAt: 'expires_at',
};

/**
 * The temporary access key of the ECS's agency (ECS "obtaining metadata": `securitykey`). Requests a session token first;
 * servers without session tokens are called without one. If the server fails to answer, it is not called without one:
 * its 401 would look like a refusal.
 */
export async function issueFromECSMetadata(
  http: Http,
  clock: Clock,
  endpoint = ENDPOINT,
): Promise<Issued<AccessKey>> {
  const session = await call(http, 'PUT', `${endpoint}/meta-data/latest/api/token`, {
    'X-Metadata-Token-Ttl-Seconds': SESSION_SECONDS,
  });
  if (session.kind === 'answer' && session.status >= 500) {
    return { ok: false, error: refusalOf(session, clock.now()) };
  }
  const token = session.kind === 'answer' && session.status === 200 ? session.body.trim() : '';
  const headers: Record<string, string> = /^[\x21-\x7e]+$/.test(token) ? { 'X-Metadata-Token': token } : {};
  const answer = await call(http, 'GET', `${endpoint}/openstack/latest/securitykey`, headers);
  if (answer.kind === 'failed') return { ok: false, error: named(answer.error) };
  if (answer.status !== 200) return { ok: false, error: refusalOf(answer, clock.now()) };
  const now = serverTime(answer.headers) ?? clock.now();
  return readTemporaryKey(asRecord(asRecord(parseAnswer(answer.body))['credential']), NAMES, now, SOURCE);
}

function call(http: Http, method: 'GET' | 'PUT', url: string, headers: Readonly<Record<string, string>>) {
  const { signal } = new AbortController();
  return http.send({ method, url: new URL(url), headers, signal, timeoutMs: TIMEOUT_MS });
}

function refusalOf(answer: HttpAnswer & { readonly kind: 'answer' }, now: number): CloudError {
  const error = readError(answer.status, answer.headers, answer.body, now, { fromMachine: true });
  if (/configure Cloud Service Agency/i.test(answer.body)) {
    return { ...error, class: 'unauthorized', message: 'the ECS that the operator runs on has no agency' };
  }
  return named(error.class === 'notFound' ? { ...error, class: 'misconfigured' } : error);
}

function named(error: CloudError): CloudError {
  return { ...error, message: `${SOURCE}: ${error.message}` };
}
