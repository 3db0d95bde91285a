import { readCloudJob, type CloudJob } from '../api/cloudjob.js';
import { cleanText } from '../text.js';
import { isRecord } from '../json.js';

/** The longest text that is shown, in UTF-16 code units; what the operator writes is no longer. */
const MAX_SHOWN_LENGTH = 1024;

/**
 * The CloudJob in an object of the API, with every text fit for a terminal. The operator writes clean ones, but others
 * may have written this status.
 *
 * @throws when it has no usable metadata, which no API server serves
 */
export function readShown(object: unknown): CloudJob {
  return readCloudJob(clean(object));
}

/** A value of JSON with every text in it as one line without control characters; keys are left as they are. */
export function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value, MAX_SHOWN_LENGTH);
  if (Array.isArray(value)) return value.map(clean);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clean(part)]));
}
