/** Terminal escapes: CSI sequences, OSC and other string sequences, and two-character escapes (ECMA-48). */
const ESCAPES = new RegExp(
  ['(?:ESC\\[|\u009b)[0-?]*[ -/]*[@-~]', 'ESC[\\]PX^_][^BELESC]*(?:BEL|ESC\\\\)?', 'ESC[ -~]?']
    .join('|')
    .replaceAll('ESC', '\\u001b')
    .replaceAll('BEL', '\\u0007'),
  'g',
);
/** Invisible characters that reorder or hide text: bidirectional controls, zero-width characters, tags. */
const INVISIBLE = /\p{Cf}/gu;
const LONE_SURROGATES = /\p{Cs}/gu;
/** White space in every script, line and paragraph separators and control characters. */
const BREAKS = /[\s\p{Cc}]+/gu;

/** A text that needs no cleaning: printable ASCII with single spaces, like nearly all texts of the cloud. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/** How much of a text is read, as a multiple of what is kept: a long hostile text costs no more. */
const LOOK_AT = 4;

/** When a text is cut in the middle, this share of the kept part is its end. */
const TAIL_SHARE = 1 / 3;

/**
 * Makes a foreign text safe for a status, an event and a log: one line without control characters, terminal
 * escapes, invisible characters and broken surrogates, at most `maxLength` UTF-16 code units (1 or more). `…` replaces the
 * cut part: the end, or the `middle` if the end may name the cause. A second cleaning changes nothing.
 */
export function cleanText(text: string, maxLength: number, cut: 'end' | 'middle' = 'end'): string {
  if (text.length <= maxLength && PLAIN.test(text)) return text;
  const read = maxLength * LOOK_AT;
  const tail = cut === 'middle' ? Math.floor(maxLength * TAIL_SHARE) : 0;
  const rest = tail === 0 ? '' : text.slice(Math.max(read, text.length - read));
  const line = `${text.slice(0, read)} ${rest}`
    .replace(ESCAPES, '')
    .replace(LONE_SURROGATES, '\ufffd')
    .replace(INVISIBLE, '')
    .replace(BREAKS, ' ')
    .trim();
  if (line.length <= maxLength) return copyOf(line);
  const end = line
    .slice(line.length - tail)
    .replace(/^[\uDC00-\uDFFF]/, '')
    .trimStart();
  return `${cutText(line, maxLength - 1 - end.length)}…${end}`;
}

/** The first `maxLength` UTF-16 code units, one less where that would leave half a character. */
export function cutText(text: string, maxLength: number): string {
  const cut = text.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '');
  return text.length <= maxLength ? cut : copyOf(cut);
}

/** Copies a part of a text, so that the whole text does not stay in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

/** Cuts a text to at most `maxBytes` (3 or more) of UTF-8, in whole characters; a cut text ends in `…`. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const kept = bytes.subarray(0, maxBytes - Buffer.byteLength('…')).toString();
  return `${kept.replace(/\uFFFD+$/, '')}…`;
}
