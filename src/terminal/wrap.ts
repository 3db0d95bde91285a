import stringWidth from 'string-width';

/**
 * Splits a text without line breaks into lines of at most `width` terminal columns, between words where possible.
 * A character wider than `width` still gets a line.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  const take = (piece: string, glue: string): void => {
    if (line === '') line = piece;
    else if (stringWidth(line + glue + piece) <= width) line += glue + piece;
    else {
      lines.push(line);
      line = piece;
    }
  };
  for (const word of text.split(' ').filter((part) => part !== '')) {
    if (stringWidth(word) <= width) {
      take(word, ' ');
      continue;
    }
    let glue = ' ';
    for (const { segment } of new Intl.Segmenter().segment(word)) {
      take(segment, glue);
      glue = '';
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** Cuts a text to at most `width` terminal columns; a cut text ends in `…`. Characters stay whole. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(`${kept}${segment}…`) > width) break;
    kept += segment;
  }
  return `${kept}…`;
}
