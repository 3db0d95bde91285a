import { readCredentials } from '../cloud/credentials.js';
import type { SecretReader } from '../reconcile/ports.js';
import { CommandError, problemOf } from './cluster.js';
import { checkSecret, type SecretContent } from './doctor/place.js';

/**
 * The environment variables of the clouds' own tools, by the matching key of a Secret (python-openstackclient, Huawei
 * Cloud's SDKs and Terraform provider).
 */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  token: ['OS_AUTH_TOKEN', 'OS_TOKEN'],
  accessKey: ['OS_ACCESS_KEY', 'HW_ACCESS_KEY', 'HUAWEICLOUD_SDK_AK'],
  secretKey: ['OS_SECRET_KEY', 'HW_SECRET_KEY', 'HUAWEICLOUD_SDK_SK'],
  securityToken: ['OS_SECURITY_TOKEN', 'HW_SECURITY_TOKEN', 'HUAWEICLOUD_SDK_SECURITY_TOKEN'],
  username: ['OS_USERNAME', 'HW_USER_NAME'],
  password: ['OS_PASSWORD', 'HW_USER_PASSWORD'],
  domainName: ['OS_USER_DOMAIN_NAME', 'OS_DOMAIN_NAME', 'HW_DOMAIN_NAME'],
  projectID: ['OS_PROJECT_ID', 'HW_PROJECT_ID', 'HUAWEICLOUD_SDK_PROJECT_ID'],
  region: ['OS_REGION_NAME', 'HW_REGION_NAME'],
};
/** An access key wins over a password, as in Terraform's provider; a token over both. */
const FAMILIES = [
  ['token'],
  ['accessKey', 'secretKey', 'securityToken'],
  ['username', 'password', 'domainName'],
];

/** The credentials in a Secret of the cluster. @throws CommandError */
export async function clusterCredentials(
  secrets: SecretReader,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<SecretContent> {
  const path = `Secret ${namespace}/${name}`;
  const secret = await secrets.read(namespace, name, signal).catch((error: unknown) => {
    throw problemOf(error, path);
  });
  const { finding, content } = checkSecret(path, secret);
  if (content !== undefined) return content;
  throw new CommandError('remedy' in finding ? `${finding.detail}; ${finding.remedy}` : finding.detail);
}

/** The credentials in the environment. @throws CommandError */
export function environmentCredentials(env: Readonly<Record<string, string | undefined>>): SecretContent {
  const value = (key: string): string | undefined => VARIABLES[key]?.map((name) => env[name]).find(Boolean);
  const family = FAMILIES.find(([first = '']) => value(first) !== undefined) ?? [];
  const data: Record<string, string> = {};
  for (const key of [...family, 'projectID', 'region']) {
    const text = value(key);
    if (text !== undefined) data[key] = Buffer.from(text).toString('base64');
  }
  const read = readCredentials(data);
  if (read.ok) return read;
  throw new CommandError(
    family.length === 0
      ? 'there are no cloud credentials; name a Secret with --secret, or set OS_ACCESS_KEY and OS_SECRET_KEY'
      : `the credentials in the environment cannot be used (${read.message.replace('of the Secret ', '')}); name a Secret with --secret`,
  );
}
