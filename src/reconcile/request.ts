import {
  FLUX_REQUESTED_AT_ANNOTATION,
  MAX_WORD_LENGTH,
  REQUESTED_AT_ANNOTATION,
  type CloudJob,
} from '../api/cloudjob.js';
import { cutText } from '../text.js';

/**
 * The value that asks for a look now, undefined when nobody does. With both annotations on an object the later time
 * counts, ours where they do not compare: a choice that depends on the pair alone, so that answering one of them never
 * brings up the other again.
 */
export function requestedAt({ metadata: { annotations } }: Pick<CloudJob, 'metadata'>): string | undefined {
  const ours = bounded(annotations[REQUESTED_AT_ANNOTATION]);
  const flux = bounded(annotations[FLUX_REQUESTED_AT_ANNOTATION]);
  if (!ours || !flux) return ours || flux || undefined;
  return Date.parse(flux) > Date.parse(ours) ? flux : ours;
}

/** Whether a look was asked for that has not happened yet. */
export function isRequested(cloudJob: CloudJob): boolean {
  const value = requestedAt(cloudJob);
  return value !== undefined && value !== cloudJob.status.lastHandledReconcileAt;
}

/** As the status holds it: half a character would be stored as another text, and never be answered. */
function bounded(value: string | undefined): string | undefined {
  return value && cutText(value, MAX_WORD_LENGTH);
}
