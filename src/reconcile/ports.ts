import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import type { Target } from '../cloud/client.js';
import type { ReadCredentials } from '../cloud/credentials.js';
import type { Observation } from '../cloud/observation.js';
import type { Priority } from '../priority.js';
import type { Transition } from './transitions.js';

/** The cloud, as the reconciler sees it. */
export interface JobReader {
  /**
   * Reads a job. `nothing`: there is no slot for a call now, and `key` is added to the work queue when it has one; or
   * `signal` has aborted. Never throws.
   */
  read(key: string, target: Target, priority: Priority, signal: AbortSignal): Promise<Observation>;
  /** Whether the job has been read for another CloudJob since, so that a read for this one costs no call. */
  hasSharedResult(key: string): boolean;
  /** The key needs no more reads: its place is given up. */
  forget(key: string): void;
}

/**
 * The object as stored; `stale` when it was changed or deleted in between, so that the pass must start again; `tooLarge`
 * when the API server refuses the object with that status.
 */
export type Written = CloudJob | 'stale' | 'tooLarge';

/** The CloudJobs of the cluster. */
export interface CloudJobStore {
  /** As last seen; undefined when it does not exist, or when there is nothing to do for it. */
  get(key: string): CloudJob | undefined;
  /**
   * Writes the status of exactly this object in exactly this version.
   *
   * @throws when the API server fails
   */
  writeStatus(cloudJob: CloudJob, status: CloudJobStatus, signal: AbortSignal): Promise<Written>;
  /**
   * Makes the operator an owner of the phase that somebody else wrote, of exactly this object in exactly this version.
   *
   * @throws when the API server fails
   */
  adoptPhase(cloudJob: CloudJob, signal: AbortSignal): Promise<Written>;
  /** Deletes exactly this object in exactly this version; does nothing when it is gone or has changed. */
  delete(cloudJob: CloudJob, signal: AbortSignal): Promise<void>;
}

/** The used part of a Secret, or why there is none. */
export type SecretResult =
  | { readonly kind: 'found'; readonly read: ReadCredentials }
  | { readonly kind: 'missing' }
  /** It is for something else, such as a service account's token, and stays in the cluster. */
  | { readonly kind: 'wrongType'; readonly type: string }
  /** The operator may not read it. */
  | { readonly kind: 'forbidden' };

export interface SecretReader {
  /** @throws when the API server fails; the pass is then tried again */
  read(namespace: string, name: string, signal: AbortSignal): Promise<SecretResult>;
}

/** Where transitions are recorded for people. */
export interface TransitionRecorder {
  /**
   * Records transitions before their status is stored, so that a crash in between loses none. Resolves when they are sent
   * or cannot be sent; never rejects.
   */
  record(cloudJob: CloudJob, transitions: readonly Transition[]): Promise<void>;
  /** The status is stored. Must not throw. */
  commit(cloudJob: CloudJob, transitions: readonly Transition[]): void;
}
