import { parseJSON } from '../json.js';

/** The most values in an answer of the cloud: a job of 2,000 sub-jobs has half as many. */
export const MAX_ANSWER_VALUES = 100_000;

/** Parses an answer of the cloud; undefined if it is not JSON or has too many values. */
export function parseAnswer(text: string): unknown {
  return parseJSON(text, MAX_ANSWER_VALUES);
}
