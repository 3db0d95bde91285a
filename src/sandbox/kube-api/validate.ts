import { hasStringFormat } from './formats.js';
import { equal, isObject, typeName, type JsonObject } from './json.js';
import { itemKey, propertySchema, type Schema } from './schema.js';
import { requiredValue, type Cause } from './status.js';

/** The most problems that one answer lists. */
const MOST_CAUSES = 100;

/**
 * Checks a value against a structural schema and lists every problem as the API server does. Parts that are unchanged
 * since `old` are not checked (ratcheting): an object stays writable after its schema became stricter.
 */
export function validate(value: unknown, old: unknown, schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  visit(value, old, schema, path, causes);
  return causes.slice(0, MOST_CAUSES);
}

function visit(value: unknown, old: unknown, schema: Schema, path: string, causes: Cause[]): void {
  if (old !== undefined && equal(value, old)) return;
  if (value === null && schema.nullable === true) return;
  if (!hasType(value, schema)) {
    causes.push(wrongType(value, schema, path));
    return;
  }
  checkEnum(value, schema, path, causes);
  if (typeof value === 'string') checkString(value, schema, path, causes);
  else if (typeof value === 'number') checkNumber(value, schema, path, causes);
  else if (Array.isArray(value)) checkArray(value, old, schema, path, causes);
  else if (isObject(value)) checkObject(value, old, schema, path, causes);
  checkCombinations(value, schema, path, causes);
}

function hasType(value: unknown, schema: Schema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return typeof value === 'string' || Number.isInteger(value);
  }
  if (schema.type === undefined) return true;
  const actual = typeName(value);
  return actual === schema.type || (schema.type === 'number' && actual === 'integer');
}

function wrongType(value: unknown, schema: Schema, path: string): Cause {
  const wanted =
    schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? 'anything');
  const actual = typeName(value);
  return {
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: "${actual}": ${path} in body must be of type ${wanted}: "${actual}"`,
    field: path,
  };
}

function violation(value: unknown, path: string, problem: string): Cause {
  const message = `Invalid value: ${JSON.stringify(value)}: ${path} in body ${problem}`;
  return { reason: 'FieldValueInvalid', message, field: path };
}

function tooMany(count: number, most: number, path: string): Cause {
  const message = `Too many: ${count}: must have at most ${most} items`;
  return { reason: 'FieldValueTooMany', message, field: path };
}

function checkEnum(value: unknown, schema: Schema, path: string, causes: Cause[]): void {
  if (schema.enum === undefined || schema.enum.some((allowed) => equal(allowed, value))) return;
  const allowed = schema.enum.map((one) => JSON.stringify(one)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${allowed}`;
  causes.push({ reason: 'FieldValueNotSupported', message, field: path });
}

/** Lists only the first problem of a string, as a real API server does; the format is checked separately. */
function checkString(value: string, schema: Schema, path: string, causes: Cause[]): void {
  // Lengths count Unicode code points, as Go's utf8.RuneCountInString does.
  const length = Array.from(value).length;
  const { minLength, maxLength, pattern, format } = schema;
  if (maxLength !== undefined && length > maxLength) {
    const message = `Too long: may not be more than ${maxLength} bytes`;
    causes.push({ reason: 'FieldValueTooLong', message, field: path });
  } else if (minLength !== undefined && length < minLength) {
    causes.push(violation(value, path, `should be at least ${minLength} chars long`));
  } else if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    causes.push(violation(value, path, `should match '${pattern}'`));
  }
  if (format !== undefined && !hasStringFormat(value, format)) {
    const problem = violation(value, path, `must be of type ${format}: ${JSON.stringify(value)}`);
    causes.push({ ...problem, reason: 'FieldValueTypeInvalid' });
  }
}

function checkNumber(value: number, schema: Schema, path: string, causes: Cause[]): void {
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const bound = schema.exclusiveMinimum === true ? 'greater than' : 'greater than or equal to';
    causes.push(violation(value, path, `should be ${bound} ${minimum}`));
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const bound = schema.exclusiveMaximum === true ? 'less than' : 'less than or equal to';
    causes.push(violation(value, path, `should be ${bound} ${maximum}`));
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    causes.push(violation(value, path, `should be a multiple of ${multipleOf}`));
  }
  if (schema.format === 'int32' && Math.trunc(value) !== (value | 0)) {
    causes.push(violation(value, path, 'must be of type int32'));
  }
}

function checkArray(
  value: readonly unknown[],
  old: unknown,
  schema: Schema,
  path: string,
  causes: Cause[],
): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    causes.push(tooMany(value.length, schema.maxItems, path));
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    causes.push(violation(value.length, path, `should have at least ${schema.minItems} items`));
  }
  const listType = schema['x-kubernetes-list-type'];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const field = `${path}[${index}]`;
    const key = isObject(item) ? itemKey(schema, item) : undefined;
    const identity = JSON.stringify(key ?? item);
    if (key !== undefined || listType === 'set' || schema.uniqueItems === true) {
      if (seen.has(identity)) {
        causes.push({
          reason: 'FieldValueDuplicate',
          message: `Duplicate value: ${identity}`,
          field,
        });
      }
      seen.add(identity);
    }
    if (schema.items !== undefined)
      visit(item, correlatedItem(schema, item, old), schema.items, field, causes);
  }
}

/** The item of the old list that has the same keys; only `map` lists have any. */
export function correlatedItem(schema: Schema, item: unknown, old: unknown): unknown {
  if (!isObject(item) || !Array.isArray(old)) return undefined;
  const key = itemKey(schema, item);
  if (key === undefined) return undefined;
  return old.find((candidate) => isObject(candidate) && equal(itemKey(schema, candidate), key));
}

function checkObject(value: JsonObject, old: unknown, schema: Schema, path: string, causes: Cause[]): void {
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    causes.push(tooMany(size, schema.maxProperties, path));
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    causes.push(violation(size, path, `should have at least ${schema.minProperties} properties`));
  }
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) causes.push(requiredValue(join(path, key)));
  }
  const oldObject = isObject(old) ? old : {};
  for (const [key, item] of Object.entries(value)) {
    const property = propertySchema(schema, key);
    if (property !== undefined && item !== undefined) {
      visit(item, oldObject[key], property, join(path, key), causes);
    }
  }
}

function checkCombinations(value: unknown, schema: Schema, path: string, causes: Cause[]): void {
  for (const part of schema.allOf ?? []) visit(value, undefined, part, path, causes);
  if (schema.anyOf !== undefined && !schema.anyOf.some((part) => accepts(value, part))) {
    causes.push(violation(value, path, 'must validate at least one schema (anyOf)'));
  }
  if (schema.oneOf !== undefined && schema.oneOf.filter((part) => accepts(value, part)).length !== 1) {
    causes.push(violation(value, path, 'must validate one and only one schema (oneOf)'));
  }
  if (schema.not !== undefined && accepts(value, schema.not)) {
    causes.push(violation(value, path, 'must not validate the schema (not)'));
  }
}

function accepts(value: unknown, schema: Schema): boolean {
  return validate(value, undefined, schema, '').length === 0;
}

export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
