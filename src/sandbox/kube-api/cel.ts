import { Environment, Optional } from '@marcbachmann/cel-js';
import { isObject, typeName, type JsonObject } from './json.js';
import { propertySchema, type Schema, type ValidationRule } from './schema.js';
import type { Cause } from './status.js';
import { correlatedItem, join } from './validate.js';

const environment = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn');

type Program = ReturnType<typeof environment.parse>;

/** Compiled expressions by their text; bounded by the rules of the CRDs. */
const programs = new Map<string, Program>();

/** @throws Error of the library, when the expression does not parse or its types cannot fit */
export function compile(expression: string): Program {
  let program = programs.get(expression);
  if (program === undefined) {
    program = environment.parse(expression);
    programs.set(expression, program);
  }
  return program;
}

/**
 * Evaluates the `x-kubernetes-validations` of a schema on a value and all below it. A rule with `oldSelf` is a transition
 * rule: it is skipped if there is no old value (unless `optionalOldSelf`); inside lists that are not of type `map` there
 * never is one.
 */
export function checkRules(value: unknown, old: unknown, schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  visit(value, old, schema, path, causes);
  return causes;
}

function visit(value: unknown, old: unknown, schema: Schema, path: string, causes: Cause[]): void {
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    const cause = checkRule(rule, value, old, schema, path);
    if (cause !== undefined) causes.push(cause);
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [index, item] of value.entries()) {
      visit(item, correlatedItem(schema, item, old), schema.items, `${path}[${index}]`, causes);
    }
  }
  if (!isObject(value)) return;
  const oldObject = isObject(old) ? old : {};
  for (const [key, item] of Object.entries(value)) {
    const property = propertySchema(schema, key);
    if (property !== undefined) visit(item, oldObject[key], property, join(path, key), causes);
  }
}

function checkRule(
  rule: ValidationRule,
  value: unknown,
  old: unknown,
  schema: Schema,
  path: string,
): Cause | undefined {
  if (value === null) return undefined;
  const transition = /\boldSelf\b/.test(rule.rule);
  if (transition && old === undefined && rule.optionalOldSelf !== true) return undefined;
  const context = { self: toCel(value, schema), oldSelf: oldSelf(rule, old, schema) };
  const field = rule.fieldPath === undefined ? path : `${path}${rule.fieldPath}`.replace(/^\./, '');
  try {
    if (compile(rule.rule)(context) === true) return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : 'error';
    return failure('FieldValueInvalid', field, value, `${reason} evaluating rule: ${rule.rule}`);
  }
  return failure(rule.reason ?? 'FieldValueInvalid', field, value, messageOf(rule, context));
}

function oldSelf(rule: ValidationRule, old: unknown, schema: Schema): unknown {
  if (rule.optionalOldSelf !== true) return old === undefined ? null : toCel(old, schema);
  return old === undefined ? Optional.none() : Optional.of(toCel(old, schema));
}

function messageOf(rule: ValidationRule, context: JsonObject): string {
  if (rule.messageExpression !== undefined) {
    try {
      const message: unknown = compile(rule.messageExpression)(context);
      if (typeof message === 'string' && message !== '') return message;
    } catch {
      // If the expression fails, the fixed message is used.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

function failure(reason: string, field: string, value: unknown, message: string): Cause {
  const shown =
    typeof value === 'object'
      ? `Invalid value: ${message}`
      : `Invalid value: ${JSON.stringify(value)}: ${message}`;
  const wordings: Readonly<Record<string, string>> = {
    FieldValueForbidden: `Forbidden: ${message}`,
    FieldValueRequired: `Required value: ${message}`,
    FieldValueDuplicate: `Duplicate value: ${JSON.stringify(value)}`,
  };
  return { reason, message: wordings[reason] ?? shown, field };
}

/** Converts JSON to CEL: integers are `int` unless the schema has `number`, date-times are timestamps. */
function toCel(value: unknown, schema: Schema | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, toCel(item, propertySchema(schema, key))]),
    );
  }
  if (typeName(value) === 'integer' && schema?.type !== 'number') return BigInt(value as number);
  if (typeof value === 'string' && schema?.format === 'date-time') return new Date(value);
  return value;
}
