import { asRecord } from '../json.js';
import { cleanText } from '../text.js';
import { parseAnswer } from './answerJSON.js';

/** The longest message of an error, in UTF-16 code units. */
export const MAX_ERROR_LENGTH = 512;
const MAX_CODE_LENGTH = 64;

/** What an error's body says, whichever of its many shapes it has. */
export interface ErrorBody {
  /** All codes in the body, the most specific first. */
  readonly codes: readonly string[];
  /** One line, without its full stop; never empty. */
  readonly message?: string;
  readonly requestID?: string;
  /** Who wrote it, by its shape; undefined where only the codes can say so. */
  readonly shape?: 'status' | 'keystone' | 'gateway' | 'page' | undefined;
  /** Of an HTML page; one line. */
  readonly title?: string;
}

const TITLE = /<title>([^<]{1,200})/i;
/** How much of a page is searched for its title, in UTF-16 code units. */
const HEAD_LENGTH = 4096;

/**
 * Reads an error in CCE's documented shape, in its mix with a Kubernetes Status, in the gateway's, in Keystone's; or a page.
 * @param ownIDs what the message keeps (`stable`)
 */
export function readErrorBody(
  text: string,
  headers: Readonly<Record<string, string>>,
  ownIDs: readonly string[],
): ErrorBody {
  const body = asRecord(parseAnswer(text));
  const nested = asRecord(body['error']);
  const codes = [body['errorCode'], body['error_code'], body['code'], nested['code']].filter(isText);
  const messages = [
    // Of the four pairs that CCE sends, this one says what is wrong; the others are generic.
    body['message'],
    body['errorMessage'],
    body['error_msg'],
    nested['message'],
    body['error'],
    body['reason'],
  ];
  const message = stable(messages.find(isText) ?? '', ownIDs);
  const requestID = [body['request_id'], body['requestId']].find(isText);
  const isPage =
    text.trimStart().startsWith('<') || (message === '' && /html/i.test(headers['content-type'] ?? ''));
  const title = isPage ? stable(TITLE.exec(text.slice(0, HEAD_LENGTH))?.[1] ?? '', ownIDs) : '';
  return {
    codes: codes.map((code) => cleanText(code, MAX_CODE_LENGTH)),
    shape: isPage ? 'page' : shapeOf(body, nested),
    ...(title === '' ? {} : { title }),
    ...(message === '' ? {} : { message }),
    ...(requestID === undefined ? {} : { requestID }),
  };
}

function shapeOf(
  body: Readonly<Record<string, unknown>>,
  nested: Readonly<Record<string, unknown>>,
): ErrorBody['shape'] {
  if (body['kind'] === 'Status' && body['apiVersion'] === 'v1') return 'status';
  // `{"error":{"code":401,"message":"…","title":"Unauthorized"}}`: Keystone's codes are numbers.
  if (typeof nested['code'] === 'number' && isText(nested['message'])) return 'keystone';
  // `{"message":"API not found","request_id":"…"}`: the one answer of the gateway that has no code.
  return isText(body['message']) && isText(body['request_id']) ? 'gateway' : undefined;
}

const UUID = '[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}';
/** A project's, cluster's or job's ID that the text names as such, in any of the cloud's spellings. */
const NAMED_ID = `(?<=\\b(?:project|cluster|job)s?(?:[-_ ]?u?id)?["']?\\s{0,2}[:=/]?\\s{0,2}["'([]?)(?:${UUID}|[0-9a-f]{32})\\b`;
/** IDs that are shorter look like no request ID and no token. */
const SHORTEST_ID = 32;

/**
 * One line that stays the same from call to call and carries nothing secret: without the canonical request that the
 * gateway echoes, and with `*` for what looks like a request ID, a time of day or a token. `ownIDs`, and the IDs of projects,
 * clusters and jobs that it names as such, are kept: they say what the error is about.
 */
export function stable(message: string, ownIDs: readonly string[]): string {
  const own = ownIDs.filter((id) => id.length >= SHORTEST_ID && /^[\w-]+$/.test(id));
  const ids = new RegExp([...own.map((id) => `(?<![\\w-])${id}(?![\\w-])`), NAMED_ID].join('|'), 'gi');
  const kept: string[] = [];
  const line = cleanText(message, 4 * MAX_ERROR_LENGTH)
    .replace(/[,;]?\s*(?:canonical_?request|string_?to_?sign)\s*[:=].*$/i, '')
    .replace(/[,;]?\s*\b(?:x-)?(?:request|trace)[-_ ]?id\b["']?\s*[:=]\s*\S+/gi, '')
    // A clean text has no control characters.
    .replace(ids, (id) => {
      kept.push(id);
      return '\0';
    })
    .replace(/\b\d{4}-?\d{2}-?\d{2}[T ]\d{2}:?\d{2}:?\d{2}(?:\.\d+)?(?:Z| ?[+-]\d{2}:?\d{2})?/g, '*')
    .replace(new RegExp(`\\b${UUID}\\b|\\b[0-9a-f]{32,}\\b`, 'gi'), '*')
    .replace(/[A-Za-z0-9+/_=-]{40,}/g, '*')
    .replaceAll('\0', () => kept.shift() ?? '*');
  return cleanText(line, MAX_ERROR_LENGTH).replace(/(?<![.\s])[.\s]+$|^[.\s]+$/, '');
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
