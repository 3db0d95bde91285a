import { parseJSON } from '../json.js';

/** The most values in an answer of the cloud: a job of 2,000 sub-jobs has half as many. */
export const MAX_ANSWER_VALUES = 100_000;

/** A text, however it ends, or a number: each position is read once. */
const TOKENS = /"(?:[^"\\]+|\\[^])*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG_INTEGER = /^-?\d{16,}$/;

/**
 * Parses an answer of the cloud; undefined if it is not JSON or has too many values. A whole number with more digits than
 * a double holds becomes a text of these digits: IDs of 64 bits come as numbers.
 */
export function parseAnswer(text: string): unknown {
  const value = parseJSON(text, MAX_ANSWER_VALUES);
  if (value === undefined || !/\d{16}/.test(text)) return value;
  return parseJSON(text.replace(TOKENS, (token) => (isExact(token) ? token : `"${token}"`)));
}

function isExact(token: string): boolean {
  return !LONG_INTEGER.test(token) || Number.isSafeInteger(Number(token));
}
