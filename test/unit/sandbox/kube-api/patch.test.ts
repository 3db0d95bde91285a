import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseJson } from '../../../../src/sandbox/kube-api/json.js';
import { jsonPatch, mergePatch, strategicMergePatch } from '../../../../src/sandbox/kube-api/patch.js';

describe('merge patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{}, { a: { b: { c: null } } }, { a: { b: {} } }],
  ])('makes of %j and %j what RFC 7396 says', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('leaves the target as it was', () => {
    fc.assert(
      fc.property(fc.object(), fc.object(), (target, patch) => {
        const before = structuredClone(target);

        mergePatch(target, patch);

        expect(target).toEqual(before);
      }),
    );
  });

  it('changes no prototype', () => {
    mergePatch(
      {},
      parseJson('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
    );

    expect({}).not.toHaveProperty('polluted');
  });
});

describe('JSON patch', () => {
  it.each([
    [{ a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    [
      { 'a/b': 1, 'c~d': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'remove', path: '/c~0d' },
      ],
      {},
    ],
    [{ a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
    [{ a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    [
      { a: 1 },
      [
        { op: 'test', path: '/a', value: 1 },
        { op: 'replace', path: '/a', value: 2 },
      ],
      { a: 2 },
    ],
  ])('makes of %j with %j what RFC 6902 says', (target, patch, result) => {
    expect(jsonPatch(target, patch)).toEqual(result);
  });

  it.each([
    [[{ op: 'test', path: '/a', value: 2 }], 422],
    [[{ op: 'replace', path: '/b', value: 2 }], 422],
    [[{ op: 'remove', path: '/b' }], 422],
    [[{ op: 'add', path: '/b/c', value: 2 }], 422],
    [[{ op: 'add', path: '/list/9', value: 2 }], 422],
    [[{ op: 'add', path: '/__proto__', value: {} }], 422],
    [[{ op: 'jump', path: '/a' }], 400],
    [[{ op: 'add' }], 400],
    [{ op: 'add' }, 400],
  ])('refuses %j', (patch, code) => {
    expect(() => jsonPatch({ a: 1, list: [] }, patch)).toThrow(expect.objectContaining({ code }));
  });

  it('leaves the target as it was', () => {
    const target = { a: { b: 1 } };

    jsonPatch(target, [{ op: 'add', path: '/a/c', value: 2 }]);

    expect(target).toEqual({ a: { b: 1 } });
  });
});

describe('strategic merge patch', () => {
  it.each([
    [{ data: { a: '1', b: '2' } }, { data: { a: null } }, { data: { b: '2' } }],
    [{ finalizers: ['a'] }, { finalizers: ['b'] }, { finalizers: ['a', 'b'] }],
    [{ finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }, { finalizers: ['b'] }],
    [
      { finalizers: ['a'] },
      { '$setElementOrder/finalizers': ['a'], finalizers: ['a'] },
      { finalizers: ['a'] },
    ],
    [
      { ownerReferences: [{ uid: '1' }, { uid: '2' }] },
      { ownerReferences: [{ uid: '1', $patch: 'delete' }] },
      { ownerReferences: [{ uid: '2' }] },
    ],
    [{ data: { a: '1' } }, { data: { $patch: 'replace', b: '2' } }, { data: { b: '2' } }],
  ])('makes of %j with %j what kubectl means', (target, patch, result) => {
    expect(strategicMergePatch(target, patch)).toEqual(result);
  });
});
