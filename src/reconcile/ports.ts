import type { CloudError } from '../cloud/errors.js';
import type { Job } from '../cloud/job.js';

/** What one look at the cloud told. */
export type Observation =
  { readonly kind: 'job'; readonly job: Job } | { readonly kind: 'error'; readonly error: CloudError };
