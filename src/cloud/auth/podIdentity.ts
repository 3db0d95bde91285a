import type { Clock } from '../../clock.js';
import type { AccessKey } from '../credentials.js';
import { readError } from '../errors.js';
import type { Http } from '../http.js';
import { asRecord } from '../../json.js';
import { parseAnswer } from '../answerJSON.js';
import { serverTime } from '../time.js';
import type { Issued } from './renewals.js';
import { readTemporaryKey } from './temporaryKey.js';
import { readTokenFile } from './tokenFile.js';

const SOURCE = 'CCE Pod Identity';
const TIMEOUT_MS = 5_000;
const NAMES = {
  accessKey: 'accessKeyId',
  secretKey: 'secretAccessKey',
  securityToken: 'securityToken',
  expiresAt: 'expiration',
};

/** The temporary access key of the pod (CCE user guide cce_10_1110); the token file is read each time. */
export async function issueFromPodIdentity(
  http: Http,
  clock: Clock,
  options: { readonly uri: string; readonly tokenFile: string },
): Promise<Issued<AccessKey>> {
  const token = await readTokenFile(options.tokenFile);
  if (token === undefined) {
    const message = `${SOURCE}: the token file is missing, empty or no token`;
    return { ok: false, error: { class: 'misconfigured', message } };
  }
  const answer = await http.send({
    method: 'POST',
    url: new URL(options.uri),
    headers: { 'Content-Type': 'application/json', Authorization: token },
    body: '{}',
    secrets: [token],
    signal: new AbortController().signal,
    timeoutMs: TIMEOUT_MS,
  });
  if (answer.kind === 'failed') {
    return { ok: false, error: { ...answer.error, message: `${SOURCE}: ${answer.error.message}` } };
  }
  if (answer.status !== 200 && answer.status !== 201) {
    const { status, headers, body } = answer;
    const error = readError(status, headers, body, clock.now(), { fromMachine: true });
    const errorClass = error.class === 'notFound' ? 'misconfigured' : error.class;
    return { ok: false, error: { ...error, class: errorClass, message: `${SOURCE}: ${error.message}` } };
  }
  const now = serverTime(answer.headers) ?? clock.now();
  return readTemporaryKey(asRecord(asRecord(parseAnswer(answer.body))['credentials']), NAMES, now, SOURCE);
}
