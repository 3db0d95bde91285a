/** Whether a value is a JSON object: not a list and not null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value when it is a JSON object; else `{}`. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** Parses a JSON text; undefined if it is not JSON or has more than `maxValues` values. */
export function parseJSON(text: string, maxValues = Infinity): unknown {
  if (hasMoreValues(text, maxValues)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether a JSON text has more than `max` values. It counts in the text: a megabyte of `{},{},{}` would become forty
 * megabytes of objects. An empty list or object with a space in it counts twice.
 */
export function hasMoreValues(text: string, max: number): boolean {
  // A value has at least two characters, with its separator.
  if (text.length <= 2 * max) return false;
  // The first value; then one more after each comma, and in each list or object that is not empty.
  let count = 1;
  let isInText = false;
  for (let at = 0; at < text.length && count <= max; at += 1) {
    const character = text[at];
    if (character === '"') isInText = !isInText;
    else if (isInText && character === '\\') at += 1;
    else if (!isInText && beginsValue(text, at)) count += 1;
  }
  return count > max;
}

function beginsValue(text: string, at: number): boolean {
  switch (text[at]) {
    case ',':
      return true;
    case '[':
      return text[at + 1] !== ']';
    case '{':
      return text[at + 1] !== '}';
    default:
      return false;
  }
}
