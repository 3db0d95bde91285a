/** One measured quantity. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  /** One for each run. */
  readonly values: readonly number[];
  /** What it is compared with, measured in the same run. */
  readonly against?: { readonly what: string; readonly values: readonly number[] };
  /** What is to be reached; of the ratio where there is something to compare with, else of the figure itself. */
  readonly goal?: Bound;
  /** The same, so wide that noise does not get there: CI fails beyond it. */
  readonly gate?: Bound;
}

export type Bound = { readonly atMost: number } | { readonly atLeast: number };

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of a figure that a run could not give there is none. */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  const median = (at(0.5) + (sorted[Math.floor(sorted.length / 2)] ?? 0)) / 2;
  return { median, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

/** The figure in terms of what it is compared with; undefined when that is nothing. */
export function ratioOf({ values, against }: Figure): number | undefined {
  return against && summarise(values).median / summarise(against.values).median;
}

/** Whether the goal is reached; undefined without one. */
export function reaches(figure: Figure): boolean | undefined {
  return figure.goal && isWithin(figure, figure.goal);
}

export function passesGate(figure: Figure): boolean {
  return figure.gate === undefined || isWithin(figure, figure.gate);
}

function isWithin(figure: Figure, bound: Bound): boolean {
  const judged = ratioOf(figure) ?? summarise(figure.values).median;
  return 'atMost' in bound ? judged <= bound.atMost : judged >= bound.atLeast;
}
