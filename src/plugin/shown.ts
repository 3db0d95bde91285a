import { readCloudJob, type CloudJob } from '../api/cloudjob.js';
import { cleanText } from '../text.js';
import { isRecord } from '../json.js';

/** The longest text that is shown, in UTF-16 code units; the operator writes no longer ones. */
const MAX_SHOWN_LENGTH = 1024;

/**
 * Reads a CloudJob from an object of the API, and makes every text safe for a terminal. The operator writes clean texts,
 * but others may have written this status.
 *
 * @throws when it has no usable metadata, which no API server serves
 */
export function readShown(object: unknown): CloudJob {
  return readCloudJob(clean(object));
}

/** A JSON value with every text as one line without control characters; keys are unchanged. */
export function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value, MAX_SHOWN_LENGTH);
  if (Array.isArray(value)) return value.map(clean);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clean(part)]));
}
