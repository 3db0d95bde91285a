import type { CloudJob, CloudJobStatus } from '../api/cloudjob.js';
import type { Target } from '../cloud/client.js';
import type { Observation } from '../cloud/job.js';
import type { TransitionEvent } from './transitions.js';
import type { Priority } from '../priority.js';

/** The cloud, as the reconciler sees it. */
export interface JobReader {
  /**
   * Looks at a job. `waiting`: the budget lets nobody in just now; `key` is added to the work queue when it is its turn.
   * Ends with `waiting` also when `signal` aborts; never throws.
   */
  read(
    key: string,
    target: Target,
    priority: Priority,
    signal: AbortSignal,
  ): Promise<Observation | { readonly kind: 'waiting' }>;
  /**
   * Whether the job is known to be still as the look told that was answered with `digest`. `waiting`: `key` is added to the
   * work queue when that is known. `unknown`: it has to be looked at.
   */
  unchanged(key: string, target: Target, digest: string): 'unchanged' | 'waiting' | 'unknown';
  /** Whether something is known of the job that makes it worth to read before it is time to. */
  hasNews(key: string): boolean;
  /** The key needs no more looks: give up its place. */
  forget(key: string): void;
}

/** The data of a Secret as the API server holds it (values in base64), or why there is none. */
export type SecretFinding =
  | { readonly kind: 'found'; readonly data: Readonly<Record<string, string>> }
  | { readonly kind: 'missing' }
  /** The operator may not read it. */
  | { readonly kind: 'forbidden' };

export interface SecretReader {
  /** @throws when the API server fails; the pass is then tried again */
  read(namespace: string, name: string, signal: AbortSignal): Promise<SecretFinding>;
}

/** What can be told of a CloudJob without reading all of it. */
export interface Glance {
  readonly resourceVersion: string;
  /** Nothing is to be done about it until it changes. */
  readonly rests: boolean;
}

/** The CloudJobs of the cluster. */
export interface CloudJobStore {
  /** From the cache; undefined when there is none (any more). */
  glance(key: string): Glance | undefined;
  /** From the cache; undefined when there is none (any more), or when it rests. */
  get(key: string): CloudJob | undefined;
  /**
   * Writes the status of just this object in just this version.
   *
   * @returns the object as stored; `stale` when it has changed or gone in between, so that the pass must start again
   */
  writeStatus(cloudJob: CloudJob, status: CloudJobStatus, signal: AbortSignal): Promise<CloudJob | 'stale'>;
  /** Deletes just this object in just this version; quiet when it is gone or has changed. */
  delete(cloudJob: CloudJob, signal: AbortSignal): Promise<void>;
}

/** Where transitions are told. */
export interface TransitionSink {
  /**
   * They will have happened once the status is stored; told before that, so that a crash in between loses none. Resolves
   * when they are told, or cannot be; never rejects.
   */
  announce(cloudJob: CloudJob, events: readonly TransitionEvent[]): Promise<void>;
  /** The status is stored. Must not throw. */
  confirm(cloudJob: CloudJob, events: readonly TransitionEvent[]): void;
}
