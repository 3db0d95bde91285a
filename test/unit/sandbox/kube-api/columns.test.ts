import { describe, expect, it } from '@jest/globals';
import { humanDuration } from '../../../../src/sandbox/kube-api/columns.js';
import { compileJsonPath } from '../../../../src/sandbox/kube-api/jsonpath.js';
import { viewOf } from '../../../../src/sandbox/kube-api/table.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('ages', () => {
  it.each([
    [-5 * SECOND, '<invalid>'],
    [0, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [5 * MINUTE + 12 * SECOND, '5m12s'],
    [10 * MINUTE + 12 * SECOND, '10m'],
    [179 * MINUTE, '179m'],
    [3 * HOUR, '3h'],
    [5 * HOUR + 30 * MINUTE, '5h30m'],
    [30 * HOUR, '30h'],
    [3 * DAY + 4 * HOUR, '3d4h'],
    [100 * DAY, '100d'],
    [3 * 365 * DAY + 5 * DAY, '3y5d'],
    [9 * 365 * DAY, '9y'],
  ])('of %d ms reads %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});

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
