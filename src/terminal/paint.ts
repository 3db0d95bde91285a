import { styleText } from 'node:util';

type Style = (text: string) => string;

/** Terminal colours; without them every function returns its text. */
export interface Paint {
  readonly bold: Style;
  readonly dim: Style;
  readonly good: Style;
  readonly bad: Style;
  readonly busy: Style;
}

export function makePaint(colours: boolean): Paint {
  const style =
    (format: 'bold' | 'dim' | 'green' | 'red' | 'cyan'): Style =>
    (text) =>
      // Newer Node versions would check standard output for colours; the caller has already decided.
      colours && text.trim() !== '' ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: style('bold'),
    dim: style('dim'),
    good: style('green'),
    bad: style('red'),
    busy: style('cyan'),
  };
}
