import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { KubeObject } from '../../../../src/sandbox/kube-api/json.js';
import { Store, type StoreEvent } from '../../../../src/sandbox/kube-api/store.js';

function thing(name: string, content = 0): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name, namespace: 'n', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
    content,
  };
}

describe('the store', () => {
  it('gives every change the next revision, whatever the bucket', () => {
    const store = new Store(10);

    const first = store.put('a', thing('x'));
    const second = store.put('b', thing('x'));

    expect(Number(second.metadata.resourceVersion)).toBe(Number(first.metadata.resourceVersion) + 1);
    expect(store.revision).toBe(Number(second.metadata.resourceVersion));
  });

  it('notifies listeners of creations, changes and deletions until they stop listening', () => {
    const store = new Store(10);
    const events: StoreEvent[] = [];
    const stop = store.subscribe((event) => events.push(event));

    store.put('a', thing('x'));
    store.put('a', thing('x', 1));
    store.remove('a', thing('x', 1));
    stop();
    store.put('a', thing('y'));

    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    expect(events[1]!.previous!['content']).toBe(0);
    expect(Number(events[2]!.object.metadata.resourceVersion)).toBe(events[2]!.revision);
  });

  it('remembers no more changes than it may', () => {
    const store = new Store(100);

    for (let index = 0; index < 1000; index += 1) store.put('a', thing('x', index));

    expect(store.since(store.oldest, 'a').length).toBeLessThanOrEqual(125);
    expect(store.since(store.oldest, 'a')[0]!.revision).toBe(store.oldest + 1);
  });

  it('forgets everything when it is compacted', () => {
    const store = new Store(100);
    store.put('a', thing('x'));

    store.compact();

    expect(store.oldest).toBe(store.revision);
    expect(store.list('a')).toHaveLength(1);
  });

  it('knows any moment since the oldest as it was', () => {
    const step = fc.record({ name: fc.constantFrom('x', 'y', 'z'), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const store = new Store(100);
        const moments = [[store.revision, store.list('a')] as const];

        for (const [index, { name, remove }] of steps.entries()) {
          if (remove) store.remove('a', thing(name));
          else store.put('a', thing(name, index));
          moments.push([store.revision, store.list('a')]);
        }

        for (const [revision, objects] of moments) expect(store.listAt(revision, 'a')).toEqual(objects);
      }),
    );
  });
});
