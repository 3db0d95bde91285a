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

/** What needs no cleaning: printable ASCII with single spaces, as nearly everything is that the cloud tells. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/** How much of a text is looked at, as a multiple of what is kept: the rest of a hostile one costs nothing. */
const LOOK_AT = 4;

/**
 * Makes somebody else's text fit for a status, an event and a log: one line without control characters, terminal
 * escapes, invisible characters and broken surrogates, at most `maxLength` UTF-16 code units (1 or more; what is cut
 * ends in `…`). Cleaning twice changes nothing.
 */
export function cleanText(text: string, maxLength: number): string {
  if (text.length <= maxLength && PLAIN.test(text)) return text;
  const line = text
    .slice(0, maxLength * LOOK_AT)
    .replace(ESCAPES, '')
    .replace(LONE_SURROGATES, '\ufffd')
    .replace(INVISIBLE, '')
    .replace(BREAKS, ' ')
    .trim();
  if (line.length <= maxLength) return line;
  // Cutting a surrogate pair in two would leave half of it behind.
  return `${line.slice(0, maxLength - 1).replace(LONE_SURROGATES, '')}…`;
}
