import { describe, expect, it } from '@jest/globals';
import { compileJsonPath } from '../../../../src/sandbox/kube-api/jsonpath.js';
import { viewOf } from '../../../../src/sandbox/kube-api/table.js';

describe('JSONPath', () => {
  const object = {
    a: { b: 1, 'c.d': 2 },
    list: [
      { type: 'X', status: 'True' },
      { type: 'Ready', status: 'False' },
    ],
  };

  it.each([
    ['.a.b', [1]],
    ['.a.c\\.d', [2]],
    [".a['c.d']", [2]],
    ['.list[0].type', ['X']],
    ['.list[-1].type', ['Ready']],
    ['.list[*].type', ['X', 'Ready']],
    ['.list[?(@.type=="Ready")].status', ['False']],
    [".list[?(@.type == 'Ready')].status", ['False']],
    ['.nothing.here', []],
  ])('%s finds %j', (path, found) => {
    expect(compileJsonPath(path)!(object)).toEqual(found);
  });

  it.each(['a.b', '.a[', '.list[?(@.type)]'])('does not know %s', (path) => {
    expect(compileJsonPath(path)).toBeUndefined();
  });
});

describe('the Accept header', () => {
  it.each([
    [undefined, 'object'],
    ['*/*', 'object'],
    ['application/vnd.kubernetes.protobuf, application/json', 'object'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'table'],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', 'object'],
    ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'metadata'],
    ['application/xml', undefined],
  ] as const)('%s is answered with %s', (accept, view) => {
    expect(viewOf(accept)).toBe(view);
  });
});
