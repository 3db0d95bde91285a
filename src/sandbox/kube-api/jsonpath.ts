import { at, isObject, own } from './json.js';

type Step =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly wanted: unknown };

const STEP =
  /\.((?:\\.|[^.[\\])+)|\[(-?\d+)\]|\[\*\]|\['((?:[^'\\]|\\.)*)'\]|\[\?\(@\.([\w.-]+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(true|false|-?\d+))\)\]/y;

/**
 * The JSONPath of printer columns: `.a.b`, `['a']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. Returns a function that finds
 * all values, or undefined when the path is anything else.
 */
export function compileJsonPath(text: string): ((value: unknown) => unknown[]) | undefined {
  const steps = parse(text);
  if (steps === undefined) return undefined;
  return (value) =>
    steps.reduce<unknown[]>((found, step) => found.flatMap((one) => take(one, step)), [value]);
}

function parse(text: string): Step[] | undefined {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) return undefined;
    const [whole, name, index, quoted, path, double, single, literal] = match;
    if (whole === '[*]' || name === '*') steps.push({ kind: 'all' });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else if (path !== undefined) {
      const wanted: unknown = double ?? single ?? JSON.parse(literal!);
      steps.push({ kind: 'filter', path: path.split('.'), wanted });
    } else steps.push({ kind: 'key', key: (name ?? quoted!).replace(/\\(.)/g, '$1') });
  }
  return steps;
}

function take(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case 'key': {
      const found = own(value, step.key);
      return found === undefined ? [] : [found];
    }
    case 'index':
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case 'all':
      return children(value);
    case 'filter':
      return children(value).filter((child) => at(child, ...step.path) === step.wanted);
  }
}

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}
