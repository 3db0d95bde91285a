import type { Clock } from '../../clock.js';
import { asRecord } from '../../json.js';
import { parseAnswer } from '../answerJSON.js';
import type { AccessKey } from '../credentials.js';
import { readError, type CloudError } from '../errors.js';
import type { Http, HttpAnswer } from '../http.js';
import { SecretText } from '../secretText.js';
import { parseTime, serverTime } from '../time.js';
import type { Issued } from './renewals.js';
import { readTokenFile } from './tokenFile.js';

/** A service on this machine that gives temporary access keys, and the names of what it gives. */
interface Source {
  /** For people. */
  readonly name: string;
  readonly field: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken: string;
  readonly expiresAt: string;
}

const ECS_METADATA: Source = {
  name: 'the metadata service of the ECS',
  field: 'credential',
  accessKey: 'access',
  secretKey: 'secret',
  securityToken: 'securitytoken',
  expiresAt: 'expires_at',
};
const ECS_ENDPOINT = 'http://169.254.169.254';
const ECS_TIMEOUT_MS = 3_000;
const ECS_SESSION_SECONDS = '21600';

const POD_IDENTITY: Source = {
  name: 'CCE Pod Identity',
  field: 'credentials',
  accessKey: 'accessKeyId',
  secretKey: 'secretAccessKey',
  securityToken: 'securityToken',
  expiresAt: 'expiration',
};
const POD_IDENTITY_TIMEOUT_MS = 5_000;

/**
 * The temporary access key of the ECS's agency (ECS "obtaining metadata": `securitykey`). Requests a session token first;
 * servers without session tokens are called without one. If the server fails to answer, it is not called without one:
 * its 401 would look like a refusal.
 */
export async function issueFromECSMetadata(
  http: Http,
  clock: Clock,
  endpoint = ECS_ENDPOINT,
): Promise<Issued<AccessKey>> {
  const call = (method: 'GET' | 'PUT', path: string, headers: Readonly<Record<string, string>>) => {
    const { signal } = new AbortController();
    return http.send({ method, url: new URL(endpoint + path), headers, signal, timeoutMs: ECS_TIMEOUT_MS });
  };
  const session = await call('PUT', '/meta-data/latest/api/token', {
    'X-Metadata-Token-Ttl-Seconds': ECS_SESSION_SECONDS,
  });
  if (session.kind === 'answer' && session.status >= 500) return readKey(session, ECS_METADATA, clock);
  const token = session.kind === 'answer' && session.status === 200 ? session.body.trim() : '';
  const headers: Record<string, string> = /^[\x21-\x7e]+$/.test(token) ? { 'X-Metadata-Token': token } : {};
  return readKey(await call('GET', '/openstack/latest/securitykey', headers), ECS_METADATA, clock);
}

/** The temporary access key of the pod (CCE user guide cce_10_1110); the token file is read each time. */
export async function issueFromPodIdentity(
  http: Http,
  clock: Clock,
  options: { readonly uri: string; readonly tokenFile: string },
): Promise<Issued<AccessKey>> {
  const token = await readTokenFile(options.tokenFile);
  if (token === undefined) {
    return failed(POD_IDENTITY, {
      class: 'misconfigured',
      message: 'the token file is missing, empty or no token',
    });
  }
  const answer = await http.send({
    method: 'POST',
    url: new URL(options.uri),
    headers: { 'Content-Type': 'application/json', Authorization: token },
    body: '{}',
    secrets: [token],
    signal: new AbortController().signal,
    timeoutMs: POD_IDENTITY_TIMEOUT_MS,
  });
  return readKey(answer, POD_IDENTITY, clock);
}

function readKey(answer: HttpAnswer, source: Source, clock: Clock): Issued<AccessKey> {
  if (answer.kind === 'failed') return failed(source, answer.error);
  const { status, headers, body } = answer;
  if (status !== 200 && status !== 201) {
    const error = readError(status, headers, body, clock.now(), { fromMachine: true });
    if (source === ECS_METADATA && /configure Cloud Service Agency/i.test(body)) {
      const message = 'the ECS that the operator runs on has no agency';
      return { ok: false, error: { ...error, class: 'unauthorized', message } };
    }
    return failed(source, error.class === 'notFound' ? { ...error, class: 'misconfigured' } : error);
  }
  const fields = asRecord(asRecord(parseAnswer(body))[source.field]);
  const accessKey = secret(fields[source.accessKey]);
  const secretKey = secret(fields[source.secretKey]);
  const securityToken = secret(fields[source.securityToken]);
  const end = parseTime(fields[source.expiresAt]);
  if (
    accessKey === undefined ||
    secretKey === undefined ||
    securityToken === undefined ||
    end === undefined
  ) {
    return failed(source, { class: 'malformed', message: 'the answer is not an access key' });
  }
  const lifetimeMs = end - (serverTime(headers) ?? clock.now());
  if (lifetimeMs <= 0) {
    return failed(source, { class: 'malformed', message: 'the access key has already expired' });
  }
  return { ok: true, value: { accessKey, secretKey, securityToken }, lifetimeMs };
}

function failed({ name }: Source, error: CloudError): Issued<never> {
  return { ok: false, error: { ...error, message: `${name}: ${error.message}` } };
}

/** These values go into headers unchanged. */
function secret(value: unknown): SecretText | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value)
    ? new SecretText(value)
    : undefined;
}
