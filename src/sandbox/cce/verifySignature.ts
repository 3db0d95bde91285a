import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as received. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query, exactly as received. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** The content of an `Authorization: SDK-HMAC-SHA256 …` header. */
export interface SignatureClaim {
  readonly accessKey: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

export type SignatureVerdict =
  | { readonly result: 'valid' }
  | { readonly result: 'mismatch'; readonly canonicalRequest: string }
  | { readonly result: 'unusable'; readonly problem: string };

const ALGORITHM = 'SDK-HMAC-SHA256';

/** Reads the header; undefined for any other one. */
export function readSignatureClaim(authorization: string): SignatureClaim | undefined {
  const match = /^SDK-HMAC-SHA256 Access=([^,\s]+), SignedHeaders=([^,\s]+), Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  const [, accessKey, names, signature] = match ?? [];
  if (accessKey === undefined || names === undefined || signature === undefined) return undefined;
  return { accessKey, signedHeaders: names.split(';'), signature };
}

/**
 * Checks a signature as the cloud's gateway does: it rebuilds the canonical request from the received request. It follows
 * only the signature's documentation and shares no code with the operator's signer, so that each proves the other.
 */
export function verifySignature(
  request: SignedRequest,
  claim: SignatureClaim,
  secretKey: string,
): SignatureVerdict {
  const date = headerText(request, 'x-sdk-date');
  if (date === undefined || !claim.signedHeaders.includes('x-sdk-date')) {
    return { result: 'unusable', problem: 'x-sdk-date is not signed' };
  }
  if (
    claim.signedHeaders.join() !==
    claim.signedHeaders
      .map((name) => name.toLowerCase())
      .toSorted()
      .join()
  ) {
    return { result: 'unusable', problem: 'SignedHeaders must be in lower case and sorted' };
  }
  const lines: string[] = [];
  for (const name of claim.signedHeaders) {
    const value = headerText(request, name);
    if (value === undefined)
      return { result: 'unusable', problem: `signed header ${name} is not in the request` };
    lines.push(`${name}:${value}\n`);
  }
  const bodyHash = createHash('sha256').update(request.body).digest('hex');
  const claimedHash = headerText(request, 'x-sdk-content-sha256');
  if (claimedHash !== undefined && claimedHash !== 'UNSIGNED-PAYLOAD' && claimedHash !== bodyHash) {
    return { result: 'unusable', problem: 'x-sdk-content-sha256 is not the hash of the body' };
  }
  const [path, query = ''] = splitOnce(request.target, '?');
  const canonicalRequest = [
    request.method.toUpperCase(),
    canonicalPath(path),
    canonicalQuery(query),
    lines.join(''),
    claim.signedHeaders.join(';'),
    claimedHash ?? bodyHash,
  ].join('\n');
  const hashed = createHash('sha256').update(canonicalRequest).digest('hex');
  const expected = createHmac('sha256', secretKey).update(`${ALGORITHM}\n${date}\n${hashed}`).digest();
  return timingSafeEqual(expected, Buffer.from(claim.signature, 'hex'))
    ? { result: 'valid' }
    : { result: 'mismatch', canonicalRequest };
}

/** The time of `X-Sdk-Date` (`YYYYMMDDTHHMMSSZ`) in milliseconds since the epoch; NaN for any other text. */
export function signatureTime(date: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function headerText({ headers }: SignedRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value.trim() : value?.map((each) => each.trim()).join(',');
}

function canonicalPath(path: string): string {
  const encoded = path
    .split('/')
    .map((segment) => encodeStrictly(decodeLeniently(segment)))
    .join('/');
  return encoded.endsWith('/') ? encoded : `${encoded}/`;
}

function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => splitOnce(pair, '=').map((part) => decodeLeniently(part ?? '')))
    .map(([key = '', value = '']) => ({ key, value }))
    .toSorted((a, b) => compare(a.key, b.key) || compare(a.value, b.value))
    .map(({ key, value }) => `${encodeStrictly(key)}=${encodeStrictly(value)}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Everything but RFC 3986's unreserved characters as %XX. */
function encodeStrictly(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9_.~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
