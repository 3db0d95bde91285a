import { readCredentials } from '../cloud/credentials.js';
import { isRecord } from '../json.js';
import type { KubeClient } from '../kube/client.js';
import { isForbidden, isNotFound } from '../kube/errors.js';
import { SECRETS } from '../kube/resources.js';
import type { SecretReader, SecretResult } from '../reconcile/ports.js';
import { cleanText } from '../text.js';

/** The types of Secrets that hold cloud credentials; every other type belongs to something else. */
const CREDENTIALS_TYPES: ReadonlySet<unknown> = new Set([undefined, 'Opaque', 'cloudjob.dev/credentials']);
/** The longest type in messages. */
const MAX_TYPE_LENGTH = 64;

/** Secrets by name: the operator never lists or watches them. */
export class ClusterSecrets implements SecretReader {
  constructor(private readonly client: Pick<KubeClient, 'get'>) {}

  async read(namespace: string, name: string, signal: AbortSignal): Promise<SecretResult> {
    try {
      const { data, type } = await this.client.get(SECRETS, { namespace, name }, signal);
      if (!CREDENTIALS_TYPES.has(type)) {
        return { kind: 'wrongType', type: cleanText(String(type), MAX_TYPE_LENGTH) };
      }
      // The rest is dropped: a Secret may have a megabyte.
      return { kind: 'found', read: readCredentials(isRecord(data) ? texts(data) : {}) };
    } catch (error) {
      if (isNotFound(error)) return { kind: 'missing' };
      if (isForbidden(error)) return { kind: 'forbidden' };
      throw error;
    }
  }
}

function texts(data: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
