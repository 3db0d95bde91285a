import { describe, expect, it } from '@jest/globals';
import { applyConfiguration } from '../../../../src/sandbox/kube-api/apply.js';
import { fieldsOf, fromFieldsV1, toFieldsV1 } from '../../../../src/sandbox/kube-api/fields.js';
import type { JsonObject, KubeObject } from '../../../../src/sandbox/kube-api/json.js';
import type { Manager } from '../../../../src/sandbox/kube-api/managers.js';
import { wholeObject } from '../../../../src/sandbox/kube-api/schema.js';

const string = { type: 'string' };
const schema = wholeObject({
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer' },
        labels: { type: 'object', additionalProperties: string },
        whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: string },
        list: { type: 'array', items: string },
        set: { type: 'array', 'x-kubernetes-list-type': 'set', items: string },
        keyed: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
          items: { type: 'object', properties: { k: string, v: string, w: string } },
        },
      },
    },
  },
});

function manager(name: string): Manager {
  return {
    manager: name,
    operation: 'Apply',
    apiVersion: 'x/v1',
    subresource: undefined,
    time: '2026-01-01T00:00:00Z',
  };
}

function live(spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'x/v1',
    kind: 'Thing',
    metadata: { name: 'a', uid: 'u', creationTimestamp: '' },
    spec,
  };
}

/** Applies one configuration after another, each by its manager; the spec in the end. */
function applied(...steps: readonly (readonly [name: string, spec: JsonObject])[]): unknown {
  let object = live();
  for (const [name, spec] of steps) {
    object = applyConfiguration(object, { spec }, schema, manager(name), false);
  }
  return object['spec'];
}

describe('server-side apply', () => {
  it('removes what its manager applies no more, and leaves the rest', () => {
    expect(applied(['m', { size: 1, labels: { a: '1', b: '2' } }], ['m', { labels: { b: '2' } }])).toEqual({
      labels: { b: '2' },
    });
  });

  it('keeps what somebody else applies too', () => {
    expect(
      applied(['m', { size: 1 }], ['n', { size: 1, list: ['a'] }], ['m', { labels: { a: '' } }]),
    ).toEqual({
      size: 1,
      list: ['a'],
      labels: { a: '' },
    });
  });

  it('merges sets and lists with keys, item by item', () => {
    expect(
      applied(
        ['m', { set: ['a'], keyed: [{ k: '1', v: 'm' }] }],
        [
          'n',
          {
            set: ['b'],
            keyed: [
              { k: '1', w: 'n' },
              { k: '2', v: 'n' },
            ],
          },
        ],
        ['m', { set: [] }],
      ),
    ).toEqual({
      set: ['b'],
      keyed: [
        { k: '1', w: 'n' },
        { k: '2', v: 'n' },
      ],
    });
  });

  it('replaces atomic lists and maps as a whole', () => {
    expect(
      applied(['m', { list: ['a', 'b'], whole: { a: '1' } }], ['m', { list: ['c'], whole: { b: '2' } }]),
    ).toEqual({
      list: ['c'],
      whole: { b: '2' },
    });
  });

  it.each<[string, JsonObject, string]>([
    ['a value', { size: 2 }, '.spec.size'],
    ['an atomic list', { list: ['x'] }, '.spec.list'],
    ['a field of an item', { keyed: [{ k: '1', v: 'x' }] }, '.spec.keyed[k="1"].v'],
  ])('is refused %s of another manager', (_what, spec, field) => {
    const mine = { size: 1, list: ['a'], keyed: [{ k: '1', v: 'm' }] };

    expect(() => applied(['m', mine], ['n', spec])).toThrow(`conflict with "m": ${field}`);
  });

  it('takes over by force', () => {
    const first = applyConfiguration(live(), { spec: { size: 1 } }, schema, manager('m'), false);

    const second = applyConfiguration(first, { spec: { size: 2 } }, schema, manager('n'), true);

    expect(second['spec']).toEqual({ size: 2 });
    expect(second.metadata.managedFields!.map((entry) => entry.manager)).toEqual(['n']);
  });

  it('leaves the live object as it was', () => {
    const object = live({ labels: { a: '1' } });

    applyConfiguration(object, { spec: { labels: { b: '2' } } }, schema, manager('m'), false);

    expect(object['spec']).toEqual({ labels: { a: '1' } });
  });
});

describe('FieldsV1', () => {
  it('says the same when it is read and written again', () => {
    const fields = fieldsOf(
      live({ size: 1, labels: { a: '1' }, set: ['x'], keyed: [{ k: '1', v: '2' }] }),
      schema,
    );

    const written = toFieldsV1(fields);

    expect(written).toEqual({
      'f:spec': {
        'f:size': {},
        'f:labels': { 'f:a': {} },
        'f:set': { 'v:"x"': {} },
        'f:keyed': { 'k:{"k":"1"}': { '.': {}, 'f:k': {}, 'f:v': {} } },
      },
    });
    expect(new Set(fromFieldsV1(written).keys())).toEqual(new Set(fields.keys()));
  });
});
