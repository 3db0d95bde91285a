import { SecretText } from '../secretText.js';
import { parseTime } from '../time.js';
import type { AccessKey } from '../credentials.js';
import type { Issued } from './renewals.js';

/** The names under which a service gives a temporary access key. */
export interface KeyNames {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken: string;
  readonly expiresAt: string;
}

/** Reads a temporary access key out of an answer; `now`: the server's clock in milliseconds. `source`: for people. */
export function readTemporaryKey(
  fields: Readonly<Record<string, unknown>>,
  names: KeyNames,
  now: number,
  source: string,
): Issued<AccessKey> {
  const accessKey = secret(fields[names.accessKey]);
  const secretKey = secret(fields[names.secretKey]);
  const securityToken = secret(fields[names.securityToken]);
  const end = parseTime(fields[names.expiresAt]);
  if (
    accessKey === undefined ||
    secretKey === undefined ||
    securityToken === undefined ||
    end === undefined
  ) {
    return malformed(`${source}: the answer is not an access key`);
  }
  if (end <= now) return malformed(`${source}: the access key has already expired`);
  return { ok: true, value: { accessKey, secretKey, securityToken }, lifetimeMs: end - now };
}

function malformed(message: string): Issued<never> {
  return { ok: false, error: { class: 'malformed', message } };
}

/** These values go into headers unchanged. */
function secret(value: unknown): SecretText | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value)
    ? new SecretText(value)
    : undefined;
}
