import { createHmac, randomBytes } from 'node:crypto';
import { SecretText } from './secretText.js';

/** An access key that signs requests; a temporary one has a security token. */
export interface AccessKey {
  readonly accessKey: SecretText;
  readonly secretKey: SecretText;
  readonly securityToken?: SecretText;
}

/** Credentials for the cloud. `fingerprint` distinguishes two of them, in this process only, and reveals nothing. */
export type Credentials = { readonly fingerprint: string } & (
  | { readonly kind: 'token'; readonly token: SecretText }
  /** `keyFingerprint` is the same for every secret key of the access key. */
  | ({ readonly kind: 'accessKey'; readonly keyFingerprint: string } & AccessKey)
  | {
      readonly kind: 'password';
      /** The same for every password of the user. */
      readonly userFingerprint: string;
      readonly username: SecretText;
      readonly password: SecretText;
      readonly domainName: SecretText;
    }
);

export type ReadCredentials =
  | {
      readonly ok: true;
      readonly credentials: Credentials;
      readonly projectID?: string;
      readonly region?: string;
      /** The length of all values together, in UTF-16 code units. */
      readonly size: number;
    }
  /** For people: names keys of the Secret, never values, and ends without a full stop. */
  | { readonly ok: false; readonly message: string };

/** The longest `X-Auth-Token` that CCE accepts (API reference, request headers); security tokens are not longer. */
const MAX_TOKEN_LENGTH = 16_384;
const MAX_FIELD_LENGTH = 1024;
const LONG_FIELDS = ['token', 'securityToken'];
/** A value with more bytes than this multiple of its longest length is not decoded: it is too long, or full of blanks. */
const MOST_BYTES = 4;

const FAMILIES = [
  { kind: 'token', required: ['token'], optional: [] },
  { kind: 'accessKey', required: ['accessKey', 'secretKey'], optional: ['securityToken'] },
  { kind: 'password', required: ['username', 'password', 'domainName'], optional: [] },
] as const;
const SETTINGS = ['projectID', 'region'];
const KEYS: readonly string[] = [
  ...FAMILIES.flatMap(({ required, optional }) => [...required, ...optional]),
  ...SETTINGS,
];
/** The prefixes that the SDKs, Terraform and the OpenStack client use in their environment variables. */
const PREFIX = /^(?:huaweicloudsdk|huaweicloud|hwcloud|hw|otc|os)(?=.)/;
/** Other names of the keys in those tools, in lower case without the prefix, `-` and `_`. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ...KEYS.map((key) => [key.toLowerCase(), key] as const),
  ['ak', 'accessKey'],
  ['accesskeyid', 'accessKey'],
  ['sk', 'secretKey'],
  ['secretaccesskey', 'secretKey'],
  ['secretkeyid', 'secretKey'],
  ['sessiontoken', 'securityToken'],
  ['authtoken', 'token'],
  ['xauthtoken', 'token'],
  ['user', 'username'],
  ['userpassword', 'password'],
  ['domain', 'domainName'],
  ['userdomainname', 'domainName'],
  ['accountname', 'domainName'],
  ['project', 'projectID'],
  ['regionname', 'region'],
]);

const ALLOWED =
  'the Secret must have exactly one of: token; accessKey and secretKey (and securityToken); username, password and domainName';

/**
 * Reads the `data` of a Secret (base64, as the Kubernetes API serves it). White space around a value is removed, because
 * `echo` leaves a newline in files. Unknown keys are ignored, unless one looks like a misspelt key.
 */
export function readCredentials(data: Readonly<Record<string, string>>): ReadCredentials {
  const values = new Map<string, string>();
  for (const key of KEYS) {
    const encoded = Object.hasOwn(data, key) ? data[key] : undefined;
    if (encoded === undefined) continue;
    const value = readValue(key, encoded);
    if (typeof value !== 'string') return { ok: false, message: `key ${key} of the Secret ${value.problem}` };
    values.set(key, value);
  }
  const credentials = pickFamily(values);
  if (typeof credentials === 'string') return { ok: false, message: `${credentials}${hintOf(data)}` };
  const projectID = values.get('projectID');
  const region = values.get('region');
  return {
    ok: true,
    credentials,
    ...(projectID === undefined ? {} : { projectID }),
    ...(region === undefined ? {} : { region }),
    size: [...values.values()].join('').length,
  };
}

/** The credentials, or what is wrong. */
function pickFamily(values: ReadonlyMap<string, string>): Credentials | string {
  const named = FAMILIES.filter(({ required, optional }) =>
    [...required, ...optional].some((key) => values.has(key)),
  );
  const [family] = named;
  if (family === undefined) return `it has no credentials: ${ALLOWED}`;
  if (named.length > 1) {
    const keys = named.flatMap(({ required, optional }) => [...required, ...optional]);
    return `it mixes ${keys.filter((key) => values.has(key)).join(', ')}: ${ALLOWED}`;
  }
  const missing = family.required.filter((key) => !values.has(key));
  if (missing.length > 0) return `it lacks ${missing.join(' and ')}: ${ALLOWED}`;
  return makeCredentials(family.kind, (key) => values.get(key) ?? '', values.get('securityToken'));
}

function makeCredentials(
  kind: Credentials['kind'],
  value: (key: string) => string,
  securityToken: string | undefined,
): Credentials {
  const secret = (key: string): SecretText => new SecretText(value(key));
  switch (kind) {
    case 'token':
      return { kind, fingerprint: fingerprint(kind, value('token')), token: secret('token') };
    case 'accessKey':
      return {
        kind,
        fingerprint: fingerprint(kind, value('accessKey'), value('secretKey'), securityToken ?? ''),
        keyFingerprint: fingerprint('key', value('accessKey')),
        accessKey: secret('accessKey'),
        secretKey: secret('secretKey'),
        ...(securityToken === undefined ? {} : { securityToken: new SecretText(securityToken) }),
      };
    case 'password':
      return {
        kind,
        fingerprint: fingerprint(kind, value('username'), value('password'), value('domainName')),
        userFingerprint: fingerprint('user', value('username'), value('domainName')),
        username: secret('username'),
        password: secret('password'),
        domainName: secret('domainName'),
      };
  }
}

const FINGERPRINT_KEY = randomBytes(32);

function fingerprint(...parts: readonly string[]): string {
  return createHmac('sha256', FINGERPRINT_KEY).update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

function decode(encoded: string): string | undefined {
  const compact = encoded.replace(/\s/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(compact, 'base64')).trim();
  } catch {
    return undefined;
  }
}

function readValue(key: string, encoded: string): string | { readonly problem: string } {
  const bytes = Buffer.byteLength(encoded, 'base64');
  const maxLength = LONG_FIELDS.includes(key) ? MAX_TOKEN_LENGTH : MAX_FIELD_LENGTH;
  const remedy = key === 'token' ? '; get one with ?nocatalog=true' : '';
  const tooLong = { problem: `is longer than ${maxLength} characters: it has ${bytes} bytes${remedy}` };
  if (bytes > MOST_BYTES * maxLength) return tooLong;
  const value = decode(encoded);
  if (value === undefined) return { problem: 'is not base64 of UTF-8 text' };
  if (value.length > maxLength) return tooLong;
  const problem = problemOf(key, value);
  return problem === undefined ? value : { problem };
}

function problemOf(key: string, value: string): string | undefined {
  if (value === '') return 'is empty';
  if (/\p{Cc}/u.test(value)) return 'contains a line break or another control character';
  // These go into a header or a path unchanged.
  if (LONG_FIELDS.concat('accessKey').includes(key) && !/^[\x21-\x7e]+$/.test(value)) {
    return 'contains a space or a character outside ASCII';
  }
  if (key === 'projectID' && !/^[A-Za-z0-9_-]{1,64}$/.test(value)) {
    return 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -';
  }
  if (key === 'region' && !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value)) {
    return 'must be the name of a region: 1 to 63 of a-z 0-9 -, never a URL';
  }
  return undefined;
}

function hintOf(data: Readonly<Record<string, string>>): string {
  const hints = Object.keys(data)
    .filter((key) => !KEYS.includes(key))
    .flatMap((key) => {
      const word = key.toLowerCase().replaceAll(/[-_.]/g, '');
      const meant = SYNONYMS.get(word) ?? SYNONYMS.get(word.replace(PREFIX, ''));
      return meant === undefined ? [] : [`its key ${key} may be meant to be ${meant}`];
    });
  return hints.length === 0 ? '' : `; ${hints.slice(0, 4).join(', ')}`;
}
