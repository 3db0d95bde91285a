import type { Failure } from './failure.js';
import type { CloudError } from '../cloud/errors.js';
import type { Observation } from '../cloud/job.js';
import { summarise, type JobSummary } from './summary.js';

/** Why there is nothing to ask the cloud with. */
export type CredentialsReason = 'CredentialsNotFound' | 'InvalidCredentials' | 'CredentialsRequired';

/** What one pass learnt of the job. */
export type Finding =
  /** The cloud answered. */
  | {
      readonly kind: 'job';
      readonly summary: JobSummary;
      /** Of the answer's text (`Observation`). */
      readonly digest?: string;
    }
  /** The cloud failed to. */
  | { readonly kind: 'error'; readonly error: CloudError }
  /** Nobody asked, or the answer is still to come. */
  | { readonly kind: 'none' }
  /** There are no credentials to ask with. */
  | { readonly kind: 'credentials'; readonly reason: CredentialsReason; readonly message: string }
  /** The spec names something that the operator does not have, such as a region. */
  | { readonly kind: 'unusable'; readonly message: string };

/** What the process remembers of one CloudJob and its status cannot tell. */
export interface History {
  /**
   * Milliseconds without a good look at the job: since the last one; or, when this process had none, since it began
   * to follow the object if an earlier process had one, else since the object's creation.
   */
  readonly silentMs: number;
  /** How the look before this finding failed, if it did. */
  readonly lastFailure?: Failure | undefined;
}

/** What a look at the cloud comes to. */
export function findingOf(observation: Observation): Finding {
  if (observation.kind === 'error') return observation;
  const { job, digest } = observation;
  return { kind: 'job', summary: summarise(job), ...(digest !== undefined && { digest }) };
}
