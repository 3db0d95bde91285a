import type { CloudJob } from '../api/cloudjob.js';
import type { Target } from '../cloud/client.js';
import { findingOf, type Finding } from './finding.js';
import type { Memory, Question } from './memory.js';
import type { JobReader } from './ports.js';
import type { SecretCache } from './secrets.js';
import { resolveOwnTarget, resolveTarget, type Clouds, type Resolution } from './target.js';
import type { Priority } from '../priority.js';

/** What came of asking the cloud, and what was asked. */
export interface Asked {
  readonly target: Target;
  readonly reading: Awaited<ReturnType<JobReader['read']>>;
}

export interface AskingParts {
  readonly secrets: SecretCache;
  readonly reader: JobReader;
  readonly clouds: Clouds;
}

/** Asks the cloud about the jobs of CloudJobs, with the credentials that they name. */
export class Asking {
  constructor(private readonly parts: AskingParts) {}

  /**
   * Asks what was asked before about the same object.
   *
   * @param digest of the answer before
   * @returns undefined when its Secret is another one by now; `unchanged` and `waiting` without a look
   */
  async again(
    key: string,
    question: Question,
    digest: string,
    signal: AbortSignal,
  ): Promise<Asked | 'unchanged' | 'waiting' | undefined> {
    const { target, secretName, secret } = question;
    const [namespace = ''] = key.split('/', 1);
    const { reader, secrets } = this.parts;
    const same = secretName === undefined || (await secrets.read(namespace, secretName, 'known')) === secret;
    if (!same) return undefined;
    const listed = reader.unchanged(key, target, digest);
    if (listed !== 'unknown') return listed;
    return { target, reading: await reader.read(key, target, 'low', signal) };
  }

  /**
   * One look at the job; a second one with a renewed Secret where the credentials are refused.
   *
   * @param first what was asked and answered already
   */
  async look(
    key: string,
    cloudJob: CloudJob,
    memory: Memory,
    priority: Priority,
    signal: AbortSignal,
    first?: Asked,
  ): Promise<Finding> {
    const { reader } = this.parts;
    let asked = first;
    if (asked === undefined) {
      const want = memory.lastFailure === undefined ? 'known' : 'renewed';
      const resolved = await this.#resolve(cloudJob, memory, want);
      if (resolved.kind !== 'target') return resolved;
      const { target } = resolved;
      asked = { target, reading: await reader.read(key, target, priority, signal) };
    }
    const { reading, target } = asked;
    if (!isRefusal(reading)) return toFinding(reading);
    // The key may have been rotated since the Secret was read.
    const renewed = await this.#resolve(cloudJob, memory, 'renewed');
    if (renewed.kind !== 'target') return renewed;
    if (renewed.target.authenticator.fingerprint === target.authenticator.fingerprint) {
      return toFinding(reading);
    }
    return toFinding(await reader.read(key, renewed.target, priority, signal));
  }

  /** Whom to ask, and what; remembers it, so that it can be asked again. */
  async #resolve(cloudJob: CloudJob, memory: Memory, want: 'known' | 'renewed'): Promise<Resolution> {
    const { clouds, secrets } = this.parts;
    const { metadata, spec } = cloudJob;
    const secretName = 'problems' in spec ? undefined : spec.credentialsRef?.name;
    const secret =
      secretName === undefined ? undefined : await secrets.read(metadata.namespace, secretName, want);
    const resolved =
      secretName === undefined || secret === undefined
        ? resolveOwnTarget(cloudJob, clouds)
        : resolveTarget(cloudJob, secretName, secret, clouds);
    memory.question =
      resolved.kind === 'target' && !('problems' in spec)
        ? { target: resolved.target, secretName, secret, intervalSeconds: spec.pollIntervalSeconds }
        : undefined;
    return resolved;
  }
}

function isRefusal(reading: Asked['reading']): boolean {
  return (
    reading.kind === 'error' &&
    (reading.error.class === 'unauthorized' || reading.error.class === 'forbidden')
  );
}

function toFinding(reading: Asked['reading']): Finding {
  return reading.kind === 'waiting' ? { kind: 'none' } : findingOf(reading);
}
