import Table from 'cli-table3';

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** Terminal columns between two columns of a grid. */
export const GAP = 2;

/**
 * Rows of cells as lines, like kubectl's tables: no borders, no blanks at the end of a line.
 * Cells may be coloured; they must not have line breaks.
 *
 * @param widths in terminal columns, without the gap; undefined: as wide as the widest cell. A longer cell ends in `…`.
 */
export function gridLines(
  rows: readonly (readonly string[])[],
  widths: readonly (number | undefined)[] = [],
): string[] {
  if (rows.length === 0) return [];
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [] },
    colWidths: widths.map((width) => (width === undefined ? null : width + GAP)),
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
