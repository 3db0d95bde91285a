type Known<T> = { [K in keyof T]: Exclude<T[K], undefined> };

type RequiredKeys<T> = { [K in keyof T]: undefined extends T[K] ? never : K }[keyof T];

/** `T` with its fields that may be undefined made optional; a present field is never undefined. */
export type Kept<T> = Partial<Known<T>> & Pick<Known<T>, RequiredKeys<T>>;

/** The fields whose values are wanted. */
export function fieldsWith<T extends object>(fields: T, isWanted: (value: unknown) => boolean): Kept<T> {
  const kept: Record<string, unknown> = {};
  for (const name in fields) {
    if (isWanted(fields[name])) kept[name] = fields[name];
  }
  return kept as Kept<T>;
}

/** The fields that have a value. */
export function withoutUndefined<T extends object>(fields: T): Kept<T> {
  return fieldsWith(fields, isDefined);
}

function isDefined(value: unknown): boolean {
  return value !== undefined;
}
