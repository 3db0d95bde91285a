/** What terminals obey: CSI sequences, OSC and other string sequences, and two-character escapes (ECMA-48). */
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

/** What needs no cleaning: printable ASCII with single spaces, as nearly everything is that the cloud sends. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/** How much of a text is read, as a multiple of what is kept: the rest of a hostile one costs nothing. */
const LOOK_AT = 4;

/** Of a text that is cut in the middle, this share of what is kept is its end. */
const TAIL_SHARE = 1 / 3;

/**
 * Makes somebody else's text fit for a status, an event and a log: one line without control characters, terminal
 * escapes, invisible characters and broken surrogates, at most `maxLength` UTF-16 code units (1 or more). `…` stands for what is
 * cut: the end, or the `middle` of a text whose end may say the cause. Cleaning twice changes nothing.
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

/** A part of a text keeps the whole of it in memory; its copy does not. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

/** As many whole characters as fit into `maxBytes` (3 or more) of UTF-8; what is cut ends in `…`. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const kept = bytes.subarray(0, maxBytes - Buffer.byteLength('…')).toString();
  return `${kept.replace(/\uFFFD+$/, '')}…`;
}
