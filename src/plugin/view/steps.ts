import type { Step } from '../doctor/step.js';
import type { Paint } from '../../terminal/paint.js';
import { wrap } from '../../terminal/wrap.js';

const SYMBOLS = { ok: '✔', wrong: '✖', cannotTell: '?' } as const;
const NAME_WIDTH = 18;
const INDENT = ' '.repeat(NAME_WIDTH + 2);
const MIN_TEXT = 20;

/** A step of the doctor as lines; with the remedy if it is wrong. */
export function stepLines(step: Step, columns: number | undefined, paint: Paint): string[] {
  const colour = { ok: paint.good, wrong: paint.bad, cannotTell: paint.bold }[step.kind];
  const room = columns === undefined ? Infinity : Math.max(MIN_TEXT, columns - INDENT.length);
  const [first = '', ...rest] = wrap(step.detail, room);
  const text = step.kind === 'wrong' ? paint.bad : (line: string) => line;
  const head = `${colour(SYMBOLS[step.kind])} ${step.name.padEnd(NAME_WIDTH)}${text(first)}`;
  const remedy = step.kind === 'wrong' ? wrap(`→ ${step.remedy}`, room).map(paint.bold) : [];
  return [head, ...[...rest.map(text), ...remedy].map((line) => `${INDENT}${line}`)];
}
