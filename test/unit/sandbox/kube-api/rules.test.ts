import { describe, expect, it } from '@jest/globals';
import { checkRules } from '../../../../src/sandbox/kube-api/cel.js';
import type { Schema } from '../../../../src/sandbox/kube-api/schema.js';
import { validate } from '../../../../src/sandbox/kube-api/validate.js';

function rules(...rule: NonNullable<Schema['x-kubernetes-validations']>): Schema {
  return { type: 'object', additionalProperties: { type: 'integer' }, 'x-kubernetes-validations': rule };
}

describe('CEL rules', () => {
  it.each([
    ['self.a < 3', { a: 2 }, 0],
    ['self.a < 3', { a: 3 }, 1],
    ['!has(self.a) || self.a == 1', {}, 0],
    ['self.all(key, self[key] > 0)', { a: 1, b: 0 }, 1],
    ['self.size() <= 1', { a: 1, b: 2 }, 1],
  ])('%s of %j', (rule, value, problems) => {
    expect(checkRules(value, undefined, rules({ rule }), 'spec')).toHaveLength(problems);
  });

  it('skips transition rules where there is no old value', () => {
    const schema = rules({ rule: 'self == oldSelf', message: 'is immutable' });

    expect(checkRules({ a: 1 }, undefined, schema, 'spec')).toEqual([]);
    expect(checkRules({ a: 1 }, { a: 1 }, schema, 'spec')).toEqual([]);
    expect(checkRules({ a: 1 }, { a: 2 }, schema, 'spec')).toEqual([
      { field: 'spec', reason: 'FieldValueInvalid', message: 'Invalid value: is immutable' },
    ]);
  });

  it('compares items of a map list by their keys, and those of other lists never', () => {
    const items: Schema = {
      type: 'object',
      properties: { k: { type: 'string' }, v: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: 'self.v >= oldSelf.v' }],
    };
    const keyed: Schema = {
      type: 'array',
      items,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
    };
    const now = [
      { k: 'b', v: 1 },
      { k: 'a', v: 1 },
    ];
    const before = [{ k: 'a', v: 2 }];

    expect(checkRules(now, before, keyed, 'list').map(({ field }) => field)).toEqual(['list[1]']);
    expect(checkRules(now, before, { type: 'array', items }, 'list')).toEqual([]);
  });

  it('hands over the old value as an optional if the rule requests it', () => {
    const schema = rules({ rule: 'oldSelf.hasValue() || self.a == 0', optionalOldSelf: true });

    expect(checkRules({ a: 1 }, undefined, schema, 'spec')).toHaveLength(1);
    expect(checkRules({ a: 1 }, { a: 5 }, schema, 'spec')).toEqual([]);
  });

  it('says which rule cannot be evaluated', () => {
    const [cause] = checkRules({}, undefined, rules({ rule: 'self.a == 1' }), 'spec');

    expect(cause!.message).toContain('evaluating rule: self.a == 1');
  });
});

describe('schema validation', () => {
  it('does not check what has not changed', () => {
    const schema: Schema = {
      type: 'object',
      properties: { a: { type: 'string', maxLength: 1 }, b: { type: 'string' } },
    };

    expect(validate({ a: 'long', b: 'new' }, { a: 'long', b: 'old' }, schema, '')).toEqual([]);
    expect(validate({ a: 'longer' }, { a: 'long' }, schema, '')).toHaveLength(1);
  });

  it('counts characters, not UTF-16 units', () => {
    expect(validate('😀😀', undefined, { type: 'string', maxLength: 2 }, 'a')).toEqual([]);
  });

  it.each([
    [{ type: 'string', nullable: true }, null, 0],
    [{ type: 'string' }, null, 1],
    [{ type: 'integer', format: 'int32' }, 2 ** 31, 1],
    [{ type: 'integer', exclusiveMinimum: true, minimum: 1 }, 1, 1],
    [{ type: 'number', multipleOf: 2 }, 3, 1],
    [{ type: 'array', uniqueItems: true }, [1, 1], 1],
    [{ anyOf: [{ type: 'string' }, { type: 'integer' }] }, true, 1],
    [{ oneOf: [{ type: 'string' }, { type: 'integer' }] }, 'a', 0],
    [{ not: { type: 'string' } }, 'a', 1],
    [{ allOf: [{ maximum: 3 }, { minimum: 1 }] }, 4, 1],
  ] as const)('%j says of %j', (schema, value, problems) => {
    expect(validate(value, undefined, schema as Schema, 'a')).toHaveLength(problems);
  });
});
