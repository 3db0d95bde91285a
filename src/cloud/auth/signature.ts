import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../clock.js';
import type { AccessKey } from '../credentials.js';
import type { Headers } from '../errors.js';
import type { Authenticator, AuthRequest } from './authenticator.js';

const ALGORITHM = 'SDK-HMAC-SHA256';

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  /** The headers that are signed, `x-sdk-date` among them. */
  readonly headers: Headers;
  /** The exact body; `''` for none. */
  readonly body: string;
}

/**
 * The `Authorization` header of Huawei Cloud's signature SDK-HMAC-SHA256 (APIG "calling APIs through AK/SK
 * authentication"). Unlike the path of the request, the signed path ends in a slash.
 */
export function signRequest({ method, url, headers, body }: SignedRequest, key: AccessKey): string {
  const signed = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .toSorted(byName);
  const names = signed.map(([name]) => name).join(';');
  const canonicalRequest = [
    method,
    canonicalPath(url),
    canonicalQuery(url),
    ...signed.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha256(body),
  ].join('\n');
  const stringToSign = [ALGORITHM, headers['x-sdk-date'] ?? '', sha256(canonicalRequest)].join('\n');
  const signature = createHmac('sha256', key.secretKey.reveal()).update(stringToSign).digest('hex');
  return `${ALGORITHM} Access=${key.accessKey.reveal()}, SignedHeaders=${names}, Signature=${signature}`;
}

/**
 * The headers that sign a request to CCE at `now` (wall clock, milliseconds). The cloud accepts clocks that differ by up to
 * 15 minutes; a larger difference is reported (`errors.ts`) and not corrected.
 */
export function signedHeaders({ method, url, projectID }: AuthRequest, key: AccessKey, now: number): Headers {
  const headers = {
    'x-project-id': projectID,
    'x-sdk-date': new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, ''),
    ...(key.securityToken === undefined ? {} : { 'x-security-token': key.securityToken.reveal() }),
  };
  const authorization = signRequest({ method, url, headers: { host: url.host, ...headers }, body: '' }, key);
  // Node sends the same Host header by itself.
  return { ...headers, Authorization: authorization };
}

/** An access key that is renewed elsewhere. */
export function signatureAuthenticator(
  credentials: AccessKey & { readonly fingerprint: string; readonly keyFingerprint: string },
  clock: Clock,
): Authenticator {
  return {
    fingerprint: credentials.fingerprint,
    signs: true,
    keyFingerprint: credentials.keyFingerprint,
    headers: (request) =>
      Promise.resolve({
        ok: true,
        headers: signedHeaders(request, credentials, clock.now()),
        secrets: secretsOf(credentials),
        rejected: () => false,
      }),
  };
}

/** Texts that are removed from answers. */
export function secretsOf({ accessKey, secretKey, securityToken }: AccessKey): string[] {
  return [accessKey, secretKey, ...(securityToken === undefined ? [] : [securityToken])].map((secret) =>
    secret.reveal(),
  );
}

function canonicalPath(url: URL): string {
  const path = url.pathname.split('/').map((segment) => encode(decodeURIComponent(segment)));
  return path.at(-1) === '' ? path.join('/') : `${path.join('/')}/`;
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .toSorted((a, b) => byName(a, b) || compare(a[1], b[1]))
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
}

/** All but the unreserved characters of RFC 3986. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return compare(a, b);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
