import { ratioOf, reaches, summarise, type Figure } from './figure.js';

/** The figures of one row of the bench. */
export interface RowResult {
  readonly row: string;
  readonly figures: readonly Figure[];
  /** The Kubernetes API that it wrote to, if to any. */
  readonly api?: string;
}

/** A table for people: one line for each figure. */
export function table(results: readonly RowResult[]): string {
  const lines = [['', 'median', 'spread', 'against', 'ratio', 'goal']];
  for (const { row, figures } of results) {
    lines.push([row]);
    for (const figure of figures) lines.push([`  ${figure.what}`, ...cells(figure)]);
  }
  const widths = [0, 1, 2, 3, 4, 5].map((column) =>
    Math.max(...lines.filter((line) => line.length > 1).map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cells(figure: Figure): string[] {
  const { median, min, max } = summarise(figure.values);
  const ratio = ratioOf(figure);
  return [
    `${round(median)} ${figure.unit}`,
    figure.values.length > 1 ? `${round(min)}–${round(max)}` : '',
    figure.against === undefined
      ? ''
      : `${round(summarise(figure.against.values).median)} ${figure.unit}: ${figure.against.what}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    goalText(figure),
  ];
}

function goalText(figure: Figure): string {
  if (figure.goal === undefined) return '';
  const bound = 'atMost' in figure.goal ? `≤ ${figure.goal.atMost}` : `≥ ${figure.goal.atLeast}`;
  return `${bound} ${reaches(figure) === true ? 'yes' : 'NO'}`;
}

/** Three digits that mean something. */
export function round(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}
