import { afterAll, describe, expect, it } from '@jest/globals';
import { openBench } from '../support/conformance.js';
import { ControlPlane, controlPlaneDir } from '../support/controlPlane.js';
import { APPLY, JSON_PATCH, MERGE, STRATEGIC, TABLE, type Json, type WatchEvent } from '../support/rawApi.js';
import { describeWhen, itWhen, realKubeconfig } from '../support/skips.js';

const bench = await openBench();
afterAll(() => bench.close());

/** The same suite on the embedded API and on a real one: what the real one does is what is right. */
describeWhen(bench.isCurrent, 'the API server is older than 1.25')(
  `a Kubernetes API (${realKubeconfig === undefined ? 'embedded' : 'real'})`,
  () => {
    function causesOf(body: {
      details: { causes: { field: string; message: string; reason: string }[] };
    }): string[] {
      return body.details.causes.map(({ field, reason }) => `${field} ${reason}`);
    }

    /** The entries of `managedFields`, in the order of their managers' names. */
    function managersOf(body: { metadata: { managedFields: { manager: string }[] } }): { manager: string }[] {
      return body.metadata.managedFields.toSorted((a, b) => a.manager.localeCompare(b.manager));
    }

    function outline(events: readonly WatchEvent[]): string[] {
      return events.map(({ type, object }) => `${type} ${String(object.metadata.name)}`);
    }

    describe('discovery', () => {
      it('names its groups, versions and resources', async () => {
        const { api, group } = bench;

        const groups = await api.get('/apis');
        const resources = await api.get(`/apis/${group}/v1`);
        const core = await api.get('/api/v1');

        const names = (groups.body.groups as { name: string }[]).map(({ name }) => name);
        expect(names).toEqual(expect.arrayContaining([group, 'events.k8s.io', 'coordination.k8s.io']));
        expect(resources.body).toMatchObject({ kind: 'APIResourceList', groupVersion: `${group}/v1` });
        expect(resources.body.resources).toEqual([
          expect.objectContaining({
            name: 'widgets',
            singularName: 'widget',
            namespaced: true,
            shortNames: ['wdg'],
          }),
          expect.objectContaining({ name: 'widgets/status', kind: 'Widget' }),
        ]);
        expect((core.body.resources as { name: string }[]).map(({ name }) => name)).toEqual(
          expect.arrayContaining(['secrets', 'configmaps', 'namespaces', 'events']),
        );
      });

      it.each(['/healthz', '/readyz'])('is well at %s', async (path) => {
        expect(await bench.api.get(path)).toMatchObject({ code: 200, body: 'ok' });
      });

      it('reports its version', async () => {
        expect((await bench.api.get('/version')).body).toMatchObject({
          major: '1',
          gitVersion: expect.stringMatching(/^v1\./),
        });
      });
    });

    describe('the life of an object', () => {
      it('gives it identity, version, generation and the defaults of its schema', async () => {
        const { widgets, name } = await bench.namespace();

        const { code, body } = await bench.api.post(
          widgets,
          bench.widget('one', { size: 1, nested: { inner: {} } }),
        );

        expect(code).toBe(201);
        expect(body.metadata).toMatchObject({
          name: 'one',
          namespace: name,
          generation: 1,
          uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
          resourceVersion: expect.stringMatching(/^\d+$/),
          creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        });
        expect(body.spec).toEqual({ size: 1, mode: 'fast', nested: { inner: { depth: 3 } } });
        expect(body.status).toEqual({ observedGeneration: -1 });
        expect((await bench.api.get(`${widgets}/one`)).body).toEqual(body);
      });

      it('makes up a name from a prefix', async () => {
        const { widgets } = await bench.namespace();

        const { body } = await bench.api.post(widgets, {
          ...bench.widget(''),
          metadata: { generateName: 'made-' },
        });

        expect(body.metadata.name).toMatch(/^made-[a-z0-9]{5}$/);
      });

      it('refuses a second of the same name, and what is not there', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        expect(await bench.api.post(widgets, bench.widget('one'))).toMatchObject({
          code: 409,
          body: {
            kind: 'Status',
            status: 'Failure',
            reason: 'AlreadyExists',
            details: { name: 'one', kind: 'widgets' },
          },
        });
        expect(await bench.api.get(`${widgets}/two`)).toMatchObject({
          code: 404,
          body: {
            reason: 'NotFound',
            message: `widgets.${bench.group} "two" not found`,
            details: { name: 'two', group: bench.group, kind: 'widgets' },
          },
        });
      });

      it('keeps nothing of a dry run', async () => {
        const { widgets } = await bench.namespace();

        expect((await bench.api.post(`${widgets}?dryRun=All`, bench.widget('one'))).code).toBe(201);

        expect((await bench.api.get(`${widgets}/one`)).code).toBe(404);
      });

      it.each([
        ['another kind', 422, (body: Json) => ({ ...body, kind: 'Gadget' })],
        ['another version', 400, (body: Json) => ({ ...body, apiVersion: 'v1' })],
        ['no kind', 400, ({ kind: _, ...body }: Json) => body],
        [
          'another namespace',
          400,
          (body: Json) => ({ ...body, metadata: { name: 'one', namespace: 'elsewhere' } }),
        ],
        ['a bad name', 422, (body: Json) => ({ ...body, metadata: { name: 'One_' } })],
        ['a bad label', 422, (body: Json) => ({ ...body, metadata: { name: 'one', labels: { a: 'b c' } } })],
        ['something that is not JSON', 400, () => '{"kind":'],
      ])('refuses %s', async (_what, code, change) => {
        const { widgets } = await bench.namespace();

        expect(await bench.api.post(widgets, change(bench.widget('one')))).toMatchObject({
          code,
          body: { kind: 'Status' },
        });
      });

      it('refuses a body of a type that it does not read', async () => {
        const { widgets } = await bench.namespace();

        expect(await bench.api.call('POST', widgets, 'x', { 'content-type': 'text/plain' })).toMatchObject({
          code: 415,
          body: { reason: 'UnsupportedMediaType' },
        });
      });

      it('counts the spec in generation, and not labels or status', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const labelled = await bench.api.patch(`${widgets}/one`, MERGE, { metadata: { labels: { a: 'b' } } });
        const told = await bench.api.patch(`${widgets}/one/status`, MERGE, { status: { phase: 'Running' } });
        const resized = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { size: 2 } });

        expect([labelled, told, resized].map(({ body }) => body.metadata.generation)).toEqual([1, 1, 2]);
      });

      it('writes nothing when nothing changes', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));
        const { body: changed } = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { size: 2 } });

        const { body } = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { size: 2 } });

        expect(body.metadata.resourceVersion).toBe(changed.metadata.resourceVersion);
      });

      it('replaces it only at the version that was read', async () => {
        const { widgets } = await bench.namespace();
        const { body: read } = await bench.api.post(widgets, bench.widget('one'));

        const first = await bench.api.put(`${widgets}/one`, { ...read, spec: { size: 2 } });
        const second = await bench.api.put(`${widgets}/one`, { ...read, spec: { size: 3 } });
        const blind = await bench.api.put(`${widgets}/one`, bench.widget('one', { size: 4 }));

        expect(first).toMatchObject({ code: 200, body: { spec: { size: 2 }, metadata: { generation: 2 } } });
        expect(second).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
        expect(blind).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
        expect(causesOf(blind.body)).toEqual(['metadata.resourceVersion FieldValueInvalid']);
      });

      it('does not replace an object by one of another name or uid', async () => {
        const { widgets } = await bench.namespace();
        const { body: read } = await bench.api.post(widgets, bench.widget('one'));

        expect((await bench.api.put(`${widgets}/two`, read)).code).toBe(400);
        expect(
          (await bench.api.put(`${widgets}/one`, { ...read, metadata: { ...read.metadata, uid: 'x' } })).code,
        ).toBe(409);
      });
    });

    describe('the answer to a write', () => {
      const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

      it('is only the metadata if that is requested', async () => {
        const { widgets } = await bench.namespace();
        const { apiVersion, kind } = bench.widget('one');

        const created = await bench.api.call('POST', widgets, bench.widget('one'), { accept });
        const { uid, resourceVersion } = created.body.metadata;
        const told = await bench.api.call(
          'PUT',
          `${widgets}/one/status`,
          { apiVersion, kind, metadata: { name: 'one', uid, resourceVersion }, status: { phase: 'A' } },
          { accept },
        );
        const labels = { a: 'b' };
        const patched = await bench.api.call(
          'PATCH',
          `${widgets}/one`,
          { metadata: { labels } },
          { accept, 'content-type': MERGE },
        );

        expect([created.code, told.code, patched.code]).toEqual([201, 200, 200]);
        const { body: now } = await bench.api.get(`${widgets}/one`);
        expect(patched.body).toEqual({
          kind: 'PartialObjectMetadata',
          apiVersion: 'meta.k8s.io/v1',
          metadata: now.metadata,
        });
        expect(told.body.metadata.resourceVersion).not.toBe(resourceVersion);
        expect(told.body).not.toHaveProperty('status');
      });

      it('says all the same why the write was refused', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const again = await bench.api.call('POST', widgets, bench.widget('one'), { accept });

        expect(again).toMatchObject({ code: 409, body: { kind: 'Status', reason: 'AlreadyExists' } });
      });
    });

    describe('the status subresource', () => {
      it('leaves status out of what the object takes', async () => {
        const { widgets } = await bench.namespace();

        const created = await bench.api.post(
          widgets,
          bench.widget('one', { size: 1 }, { status: { phase: 'Mine' } }),
        );
        const patched = await bench.api.patch(`${widgets}/one`, MERGE, { status: { phase: 'Mine' } });

        expect(created.body.status).toEqual({ observedGeneration: -1 });
        expect(patched.body.status).toEqual({ observedGeneration: -1 });
      });

      it('takes nothing but the status', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const { code, body } = await bench.api.patch(`${widgets}/one/status`, MERGE, {
          metadata: { labels: { a: 'b' }, finalizers: ['x.y/z'] },
          spec: { size: 50 },
          status: { phase: 'Running' },
        });

        expect(code).toBe(200);
        expect(body.spec.size).toBe(1);
        expect(body.metadata).not.toHaveProperty('labels');
        expect(body.metadata).not.toHaveProperty('finalizers');
        expect(body.status).toEqual({ observedGeneration: -1, phase: 'Running' });
      });

      it('is guarded by a resourceVersion, and not by a uid in a merge patch', async () => {
        const { widgets } = await bench.namespace();
        const { body: read } = await bench.api.post(widgets, bench.widget('one'));

        const byUid = await bench.api.patch(`${widgets}/one/status`, MERGE, {
          metadata: { uid: 'x' },
          status: { phase: 'A' },
        });
        const byVersion = await bench.api.patch(`${widgets}/one/status`, MERGE, {
          metadata: { resourceVersion: read.metadata.resourceVersion },
          status: { phase: 'B' },
        });
        const byTest = await bench.api.patch(`${widgets}/one/status`, JSON_PATCH, [
          { op: 'test', path: '/metadata/uid', value: 'x' },
          { op: 'add', path: '/status/phase', value: 'C' },
        ]);

        expect(byUid).toMatchObject({ code: 200, body: { status: { phase: 'A' } } });
        expect(byVersion).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
        expect(byTest).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
        expect((await bench.api.get(`${widgets}/one/status`)).body.status.phase).toBe('A');
      });

      it('takes an update that has nothing but a status, and leaves all else and its owners as they were', async () => {
        const { widgets } = await bench.namespace();
        const labels = { a: 'b' };
        const annotations = { c: 'd' };
        const widget = bench.widget('one', { size: 2 });
        const { body: read } = await bench.api.post(`${widgets}?fieldManager=user`, {
          ...widget,
          metadata: { name: 'one', labels, annotations },
        });
        const { uid, resourceVersion } = read.metadata;

        const { code, body } = await bench.api.put(`${widgets}/one/status?fieldManager=operator`, {
          apiVersion: widget.apiVersion,
          kind: widget.kind,
          metadata: { name: 'one', uid, resourceVersion },
          status: { observedGeneration: 1, phase: 'Running' },
        });

        expect(code).toBe(200);
        expect(body).toMatchObject({
          metadata: { generation: 1, labels, annotations },
          spec: read.spec,
          status: { observedGeneration: 1, phase: 'Running' },
        });
        expect(managersOf(body)).toEqual([
          expect.objectContaining({
            manager: 'operator',
            subresource: 'status',
            fieldsV1: { 'f:status': { 'f:observedGeneration': {}, 'f:phase': {} } },
          }),
          ...managersOf(read),
        ]);
      });

      it('is updated neither for another object of the name nor without the current resourceVersion', async () => {
        const { widgets } = await bench.namespace();
        const { body: read } = await bench.api.post(widgets, bench.widget('one'));
        const { uid, resourceVersion } = read.metadata;
        const { apiVersion, kind } = bench.widget('one');
        const update = (metadata: Json, phase: string) =>
          bench.api.put(`${widgets}/one/status`, {
            apiVersion,
            kind,
            metadata: { name: 'one', ...metadata },
            status: { phase },
          });
        await update({ uid, resourceVersion }, 'A');
        const { body: now } = await bench.api.get(`${widgets}/one`);

        const again = await update({ uid, resourceVersion }, 'B');
        const other = await update({ uid: 'x', resourceVersion: now.metadata.resourceVersion }, 'C');
        const blind = await update({ uid }, 'D');

        expect(again).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
        expect(other).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
        expect(blind).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
        expect((await bench.api.get(`${widgets}/one`)).body.status).toEqual(now.status);
      });

      it('goes back to the default when it is removed', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));
        await bench.api.patch(`${widgets}/one/status`, MERGE, {
          status: { observedGeneration: 1, phase: 'A' },
        });

        const { body } = await bench.api.patch(`${widgets}/one/status`, MERGE, { status: null });

        expect(body.status).toEqual({ observedGeneration: -1 });
      });

      it('is checked by the schema', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const { code, body } = await bench.api.patch(`${widgets}/one/status`, MERGE, {
          status: {
            conditions: [
              { type: 'Ready', status: 'Perhaps' },
              { type: 'Ready', status: 'True' },
            ],
          },
        });

        expect(code).toBe(422);
        expect(causesOf(body)).toEqual(
          expect.arrayContaining([
            'status.conditions[0].status FieldValueNotSupported',
            'status.conditions[1] FieldValueDuplicate',
          ]),
        );
      });
    });

    describe('validation', () => {
      it.each<[string, Json, string, RegExp]>([
        ['nothing required', {}, 'spec.size FieldValueRequired', /Required value/],
        [
          'the wrong type',
          { size: '1' },
          'spec.size FieldValueTypeInvalid',
          /must be of type integer: "string"/,
        ],
        [
          'a list for a map',
          { size: 1, params: [] },
          'spec.params FieldValueTypeInvalid',
          /must be of type object: "array"/,
        ],
        ['too little', { size: -1 }, 'spec.size FieldValueInvalid', /should be greater than or equal to 0/],
        ['too much', { size: 101 }, 'spec.size FieldValueInvalid', /should be less than or equal to 100/],
        [
          'too short a text',
          { size: 1, code: 'a' },
          'spec.code FieldValueInvalid',
          /should be at least 2 chars long/,
        ],
        [
          'too long a text',
          { size: 1, code: 'abcdefghi' },
          'spec.code FieldValueTooLong',
          /may not be (more|longer) than 8/,
        ],
        ['no match', { size: 1, code: 'AB' }, 'spec.code FieldValueInvalid', /should match '\^\[a-z\]\+\$'/],
        [
          'none of the list',
          { size: 1, color: 'blue' },
          'spec.color FieldValueNotSupported',
          /supported values: "red", "green"/,
        ],
        [
          'no date',
          { size: 1, since: 'today' },
          'spec.since FieldValueTypeInvalid',
          /must be of type date-time/,
        ],
        [
          'too many items',
          { size: 1, names: ['a', 'b', 'c', 'd'] },
          'spec.names FieldValueTooMany',
          /must have at most 3 items/,
        ],
        ['a bad item', { size: 1, names: ['a', 'abcdef'] }, 'spec.names[1] FieldValueTooLong', /Too long/],
        [
          'too many entries',
          { size: 1, params: { a: '', b: '', c: '' } },
          'spec.params FieldValueTooMany',
          /at most 2/,
        ],
        [
          'neither number nor text',
          { size: 1, port: {} },
          'spec.port FieldValueTypeInvalid',
          /integer,string/,
        ],
      ])('refuses %s and says where', async (_what, spec, cause, message) => {
        const { widgets } = await bench.namespace();

        const { code, body } = await bench.api.post(widgets, bench.widget('one', spec));

        expect({ code, reason: body.reason }).toEqual({ code: 422, reason: 'Invalid' });
        expect(causesOf(body)).toContain(cause);
        expect(body.message).toMatch(message);
        expect(body.message).toMatch(new RegExp(`^Widget.${bench.group} "one" is invalid: `));
      });

      it.each([
        [{ size: 13 }, 'spec.size', 'size 13 brings bad luck'],
        [{ size: 1, mode: 'odd' }, 'spec.mode', 'mode odd is not supported'],
      ])('evaluates the rule that %j breaks, with its message', async (spec, field, message) => {
        const { widgets } = await bench.namespace();

        const { code, body } = await bench.api.post(widgets, bench.widget('one', spec));

        expect(code).toBe(422);
        expect(causesOf(body)).toEqual([`${field} FieldValueInvalid`]);
        expect(body.message).toContain(message);
      });

      it('evaluates transition rules on changes alone', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one', { size: 1, code: 'abc' }));

        const added = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { color: 'red' } });
        const changed = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { code: 'abd' } });
        const removed = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { color: null } });
        const other = await bench.api.patch(`${widgets}/one`, MERGE, { spec: { size: 2 } });

        expect([added.code, changed.code, removed.code, other.code]).toEqual([200, 422, 422, 200]);
        expect(changed.body.message).toMatch(/spec\.code: Invalid value: .*code is immutable/);
        expect(removed.body.message).toMatch(/spec: Invalid value: .*color cannot be changed once set/);
      });

      it('drops fields that it does not know, and warns', async () => {
        const { widgets } = await bench.namespace();

        const { code, body, headers } = await bench.api.post(
          widgets,
          bench.widget('one', { size: 1, sise: 2, free: { any: [1] } }),
        );

        expect(code).toBe(201);
        expect(body.spec).toEqual({ size: 1, mode: 'fast', free: { any: [1] } });
        expect(headers['warning']).toContain('unknown field \\"spec.sise\\"');
      });

      it('refuses them when the validation is strict', async () => {
        const { widgets } = await bench.namespace();

        const { code, body } = await bench.api.post(
          `${widgets}?fieldValidation=Strict`,
          bench.widget('one', { size: 1, sise: 2 }),
        );

        expect(code).toBe(400);
        expect(body.message).toContain('strict decoding error: unknown field "spec.sise"');
      });
    });

    describe('patches', () => {
      it('merges: sets, removes with null, leaves the rest', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(
          widgets,
          bench.widget('one', { size: 1, color: 'red', params: { a: '1', b: '2' } }),
        );

        const { body } = await bench.api.patch(`${widgets}/one`, MERGE, {
          spec: { size: 2, params: { a: null } },
        });

        expect(body.spec).toEqual({ size: 2, color: 'red', mode: 'fast', params: { b: '2' } });
      });

      it('carries out all operations of a JSON patch, or none', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one', { size: 1, names: ['a', 'b'] }));

        const good = await bench.api.patch(`${widgets}/one`, JSON_PATCH, [
          { op: 'test', path: '/spec/size', value: 1 },
          { op: 'replace', path: '/spec/size', value: 5 },
          { op: 'add', path: '/spec/names/1', value: 'x' },
          { op: 'remove', path: '/spec/names/0' },
        ]);
        const half = await bench.api.patch(`${widgets}/one`, JSON_PATCH, [
          { op: 'replace', path: '/spec/size', value: 6 },
          { op: 'remove', path: '/spec/nothing' },
        ]);

        expect(good.body.spec).toMatchObject({ size: 5, names: ['x', 'b'] });
        expect(half).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
        expect((await bench.api.get(`${widgets}/one`)).body.spec.size).toBe(5);
      });

      it.each([
        ['strategic merge on a custom resource', STRATEGIC, { spec: { size: 2 } }, 415],
        ['plain JSON', 'application/json', { spec: { size: 2 } }, 415],
        ['a JSON patch that is no list', JSON_PATCH, { op: 'test' }, 400],
        ['a merge patch that is a list', MERGE, [], 400],
        ['an unknown operation', JSON_PATCH, [{ op: 'zip', path: '/spec' }], 400],
        ['another name', MERGE, { metadata: { name: 'two' } }, 400],
        ['another uid', MERGE, { metadata: { uid: 'x' } }, 422],
        ['an old resourceVersion', MERGE, { metadata: { resourceVersion: '1' }, spec: { size: 2 } }, 409],
      ])('refuses %s', async (_what, contentType, patch, code) => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        expect((await bench.api.patch(`${widgets}/one`, contentType, patch)).code).toBe(code);
      });
    });

    describe('server-side apply', () => {
      it('creates, changes and drops what its manager owns', async () => {
        const { widgets } = await bench.namespace();
        const path = `${widgets}/one?fieldManager=first`;

        const created = await bench.api.patch(
          path,
          APPLY,
          bench.widget('one', { size: 1, color: 'red', params: { a: '1' } }),
        );
        const changed = await bench.api.patch(path, APPLY, bench.widget('one', { size: 2, color: 'red' }));

        expect(created.code).toBe(201);
        expect(changed.code).toBe(200);
        expect(changed.body.spec).toEqual({ size: 2, color: 'red', mode: 'fast' });
        expect(changed.body.metadata.managedFields).toEqual([
          expect.objectContaining({
            manager: 'first',
            operation: 'Apply',
            fieldsV1: { 'f:spec': { 'f:size': {}, 'f:color': {} } },
          }),
        ]);
      });

      it('refuses to take a field from its owner, unless forced', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.patch(`${widgets}/one?fieldManager=first`, APPLY, bench.widget('one', { size: 1 }));

        const refused = await bench.api.patch(
          `${widgets}/one?fieldManager=second`,
          APPLY,
          bench.widget('one', { size: 2 }),
        );
        const forced = await bench.api.patch(
          `${widgets}/one?fieldManager=second&force=true`,
          APPLY,
          bench.widget('one', { size: 2 }),
        );

        expect(refused).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
        expect(refused.body.message).toBe('Apply failed with 1 conflict: conflict with "first": .spec.size');
        expect(causesOf(refused.body)).toEqual(['.spec.size FieldManagerConflict']);
        expect(forced).toMatchObject({ code: 200, body: { spec: { size: 2 } } });
      });

      it('shares fields of the same value and merges lists with keys', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));
        const status = (manager: string, ...conditions: Json[]) =>
          bench.api.patch(`${widgets}/one/status?fieldManager=${manager}`, APPLY, {
            ...bench.widget('one', { size: 99 }),
            status: { conditions },
          });

        await status('first', { type: 'Ready', status: 'True' });
        const both = await status('second', { type: 'Synced', status: 'True' });
        const conflict = await status('second', { type: 'Ready', status: 'False' });
        const dropped = await status('second');

        expect(both.body.status.conditions).toEqual([
          { type: 'Ready', status: 'True' },
          { type: 'Synced', status: 'True' },
        ]);
        expect(both.body.spec.size).toBe(1);
        expect(conflict.body.message).toContain('.status.conditions[type="Ready"].status');
        expect(dropped.body.status.conditions).toEqual([{ type: 'Ready', status: 'True' }]);
      });

      it('applies a status on its own: nothing else changes, and its fields have owners of their own', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.patch(`${widgets}/one?fieldManager=user`, APPLY, bench.widget('one', { size: 1 }));
        const apply = (query: string, phase: string) =>
          bench.api.patch(`${widgets}/one/status?${query}`, APPLY, {
            ...bench.widget('one', { size: 99 }, { status: { phase } }),
            metadata: { name: 'one', labels: { a: 'b' } },
          });

        const { code, body } = await apply('fieldManager=first', 'Running');
        const refused = await apply('fieldManager=second', 'Done');
        const forced = await apply('fieldManager=second&force=true', 'Done');

        expect(code).toBe(200);
        expect(body).toMatchObject({
          metadata: { generation: 1 },
          spec: { size: 1 },
          status: { phase: 'Running' },
        });
        expect(body.metadata).not.toHaveProperty('labels');
        const own = {
          operation: 'Apply',
          fieldsV1: { 'f:status': { 'f:phase': {} } },
          subresource: 'status',
        };
        const users = { manager: 'user', fieldsV1: { 'f:spec': { 'f:size': {} } } };
        expect(managersOf(body)).toEqual([
          expect.objectContaining({ ...own, manager: 'first' }),
          expect.objectContaining(users),
        ]);
        expect(refused).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
        expect(refused.body.message).toBe(
          'Apply failed with 1 conflict: conflict with "first" with subresource "status": .status.phase',
        );
        expect(forced).toMatchObject({ code: 200, body: { spec: { size: 1 }, status: { phase: 'Done' } } });
        expect(managersOf(forced.body)).toEqual([
          expect.objectContaining({ ...own, manager: 'second' }),
          expect.objectContaining(users),
        ]);
      });

      it('tells an owner of the status by what it wrote to the status', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.patch(`${widgets}/one?fieldManager=first`, APPLY, bench.widget('one', { size: 1 }));
        await bench.api.patch(`${widgets}/one/status?fieldManager=first`, MERGE, {
          status: { phase: 'Running' },
        });

        const refused = await bench.api.patch(
          `${widgets}/one/status?fieldManager=second`,
          APPLY,
          bench.widget('one', { size: 1 }, { status: { phase: 'Done' } }),
        );

        expect(refused.body.message).toMatch(
          /conflict with "first" with subresource "status" using .*: \.status\.phase/,
        );
      });

      it('loses what somebody else updates', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.patch(`${widgets}/one?fieldManager=first`, APPLY, bench.widget('one', { size: 1 }));
        await bench.api.patch(`${widgets}/one?fieldManager=other`, MERGE, { spec: { size: 5 } });

        const { code, body } = await bench.api.patch(
          `${widgets}/one?fieldManager=first`,
          APPLY,
          bench.widget('one', { size: 1 }),
        );

        expect(code).toBe(409);
        expect(body.message).toMatch(/conflict with "other" using .*: \.spec\.size/);
      });

      it('wants a manager, the right kind, and no managedFields', async () => {
        const { widgets } = await bench.namespace();
        const path = `${widgets}/one?fieldManager=first`;

        expect((await bench.api.patch(`${widgets}/one`, APPLY, bench.widget('one'))).code).toBe(422);
        expect((await bench.api.patch(path, APPLY, { metadata: { name: 'one' } })).code).toBe(400);
        expect(
          (await bench.api.patch(`${widgets}/one/status?fieldManager=first`, APPLY, bench.widget('one')))
            .code,
        ).toBe(404);
      });
    });

    describe('deletion', () => {
      it('checks preconditions', async () => {
        const { widgets } = await bench.namespace();
        const { body } = await bench.api.post(widgets, bench.widget('one'));
        const { uid } = body.metadata;
        const remove = (preconditions: Json) =>
          bench.api.delete(`${widgets}/one`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions });

        expect((await remove({ uid: 'x' })).code).toBe(409);
        expect((await remove({ uid, resourceVersion: '1' })).code).toBe(409);
        expect(await remove({ uid })).toMatchObject({
          code: 200,
          body: { status: 'Success', details: { name: 'one', uid } },
        });
        expect((await remove({ uid })).code).toBe(404);
      });

      it('waits for finalizers', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, {
          ...bench.widget('one'),
          metadata: { name: 'one', finalizers: ['x.y/z'] },
        });

        const marked = await bench.api.delete(`${widgets}/one`);
        const more = await bench.api.patch(`${widgets}/one`, MERGE, {
          metadata: { finalizers: ['x.y/z', 'x.y/w'] },
        });
        const last = await bench.api.patch(`${widgets}/one`, MERGE, { metadata: { finalizers: null } });

        expect(marked).toMatchObject({
          code: 200,
          body: { metadata: { generation: 2, deletionTimestamp: expect.any(String) } },
        });
        expect(more.code).toBe(422);
        expect(last.code).toBe(200);
        expect((await bench.api.get(`${widgets}/one`)).code).toBe(404);
      });

      it('deletes a collection by selector', async () => {
        const { widgets } = await bench.namespace();
        for (const [name, team] of [
          ['one', 'a'],
          ['two', 'b'],
          ['three', 'a'],
        ] as const) {
          await bench.api.post(widgets, { ...bench.widget(name), metadata: { name, labels: { team } } });
        }

        await bench.api.delete(`${widgets}?labelSelector=team=a`);

        const { body } = await bench.api.get(widgets);
        expect((body.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)).toEqual(
          ['two'],
        );
      });

      itWhen(bench.emptiesNamespaces, 'no controller-manager runs')(
        'empties a namespace and then removes it',
        async () => {
          const { name, widgets, core } = await bench.namespace();
          await bench.api.post(widgets, bench.widget('one'));

          const events = await bench.api.watch(
            `/api/v1/namespaces?watch=1&fieldSelector=metadata.name=${name}&timeoutSeconds=20`,
            (seen) => seen.at(-1)?.type === 'DELETED',
            async () => {
              expect(await bench.api.delete(core)).toMatchObject({
                code: 200,
                body: { status: { phase: 'Terminating' } },
              });
            },
          );

          expect(events[0]).toMatchObject({ type: 'ADDED', object: { status: { phase: 'Active' } } });
          expect(events.at(-1)!.type).toBe('DELETED');
          expect((await bench.api.get(`${widgets}/one`)).code).toBe(404);
        },
      );
    });

    describe('lists', () => {
      async function filled(): Promise<string> {
        const { widgets } = await bench.namespace();
        for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
          const labels = index % 2 === 0 ? { parity: 'even', name } : { parity: 'odd' };
          await bench.api.post(widgets, { ...bench.widget(name), metadata: { name, labels } });
        }
        return widgets;
      }

      function namesOf(body: { items: { metadata: { name: string } }[] }): string[] {
        return body.items.map(({ metadata }) => metadata.name);
      }

      it('comes in pages of one moment', async () => {
        const widgets = await filled();

        const first = await bench.api.get(`${widgets}?limit=2`);
        await bench.api.delete(`${widgets}/c`);
        await bench.api.post(widgets, bench.widget('cc'));
        const second = await bench.api.get(`${widgets}?limit=2&continue=${first.body.metadata.continue}`);
        const third = await bench.api.get(`${widgets}?limit=2&continue=${second.body.metadata.continue}`);

        expect([first, second, third].flatMap(({ body }) => namesOf(body))).toEqual([
          'a',
          'b',
          'c',
          'd',
          'e',
        ]);
        expect(first.body).toMatchObject({ kind: 'WidgetList', metadata: { remainingItemCount: 3 } });
        expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
        expect(third.body.metadata.continue ?? '').toBe('');
      });

      // The embedded API forgets what is that old by itself.
      itWhen(
        realKubeconfig === undefined || controlPlaneDir !== undefined,
        'the etcd of this cluster is not ours to compact',
      )('says 410 to whoever goes on with a page of long ago', async () => {
        const widgets = await filled();
        const first = await bench.api.get(`${widgets}?limit=2`);
        const token = JSON.parse(Buffer.from(first.body.metadata.continue, 'base64url').toString()) as object;
        const old = Buffer.from(JSON.stringify({ ...token, rv: 1 })).toString('base64url');
        if (controlPlaneDir !== undefined && realKubeconfig !== undefined) {
          await new ControlPlane(controlPlaneDir).compact(Number(first.body.metadata.resourceVersion));
        }

        expect(await bench.api.get(`${widgets}?limit=2&continue=${old}`)).toMatchObject({
          code: 410,
          body: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 },
        });
      });

      it.each([
        ['labelSelector=parity=even', ['a', 'c', 'e']],
        ['labelSelector=parity!=even', ['b', 'd']],
        ['labelSelector=parity in (odd,other)', ['b', 'd']],
        ['labelSelector=parity,name notin (a,c)', ['b', 'd', 'e']],
        ['labelSelector=!name', ['b', 'd']],
        ['fieldSelector=metadata.name=b', ['b']],
        ['fieldSelector=metadata.name!=b', ['a', 'c', 'd', 'e']],
      ])('selects with %s', async (query, expected) => {
        const widgets = await filled();

        expect(namesOf((await bench.api.get(`${widgets}?${encodeURI(query)}`)).body)).toEqual(expected);
      });

      it.each(['fieldSelector=spec.size=1', 'fieldSelector=x', 'limit=x', 'continue=x', 'resourceVersion=x'])(
        'refuses %s',
        async (query) => {
          const { widgets } = await bench.namespace();

          expect(await bench.api.get(`${widgets}?${query}`)).toMatchObject({
            code: 400,
            body: { reason: 'BadRequest' },
          });
        },
      );

      it('shows tables', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one', { size: 7, color: 'red' }));
        await bench.api.patch(`${widgets}/one/status`, MERGE, {
          status: {
            conditions: [
              { type: 'Synced', status: 'True' },
              { type: 'Ready', status: 'False' },
            ],
          },
        });

        const { body } = await bench.api.get(widgets, TABLE);

        expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
        expect(
          (body.columnDefinitions as Json[]).map((column) => [
            column['name'],
            column['type'],
            column['priority'],
          ]),
        ).toEqual([
          ['Name', 'string', 0],
          ['Phase', 'string', 0],
          ['Ready', 'string', 0],
          ['Size', 'integer', 0],
          ['Age', 'date', 0],
          ['Color', 'string', 1],
        ]);
        expect(body.rows[0].cells).toEqual(['one', null, 'False', 7, expect.stringMatching(/^\d+s$/), 'red']);
        expect(body.rows[0].object).toMatchObject({
          kind: 'PartialObjectMetadata',
          metadata: { name: 'one' },
        });
      });
    });

    describe('watches', () => {
      it('reports everything after a list, in order', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));
        const { body: list } = await bench.api.get(widgets);

        await bench.api.post(widgets, bench.widget('two'));
        await bench.api.patch(`${widgets}/one`, MERGE, { spec: { size: 2 } });
        const events = await bench.api.watch(
          `${widgets}?watch=1&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=20`,
          (seen) => seen.length === 4,
          async () => {
            await bench.api.patch(`${widgets}/two/status`, MERGE, { status: { phase: 'A' } });
            await bench.api.delete(`${widgets}/one`);
          },
        );

        expect(outline(events)).toEqual(['ADDED two', 'MODIFIED one', 'MODIFIED two', 'DELETED one']);
        const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
        expect(versions).toEqual(versions.toSorted((a, b) => a - b));
      });

      it('begins with the existing objects without a version', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const events = await bench.api.watch(
          `${widgets}?watch=1&timeoutSeconds=20`,
          (seen) => seen.length === 1,
        );

        expect(outline(events)).toEqual(['ADDED one']);
      });

      it('shows an object that leaves the selection as deleted, and one that enters as added', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, {
          ...bench.widget('one'),
          metadata: { name: 'one', labels: { in: 'yes' } },
        });
        await bench.api.post(widgets, bench.widget('two'));

        const events = await bench.api.watch(
          `${widgets}?watch=1&labelSelector=in=yes&timeoutSeconds=20`,
          (seen) => seen.length === 3,
          async () => {
            await bench.api.patch(`${widgets}/one`, MERGE, { metadata: { labels: { in: 'no' } } });
            await bench.api.patch(`${widgets}/two`, MERGE, { metadata: { labels: { in: 'yes' } } });
          },
        );

        expect(outline(events)).toEqual(['ADDED one', 'DELETED one', 'ADDED two']);
      });

      it('ends in time, with a bookmark before', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const events = await bench.api.watch(
          `${widgets}?watch=1&allowWatchBookmarks=true&resourceVersion=0&timeoutSeconds=4`,
        );

        expect(events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK']);
        const { kind, metadata } = events[1]!.object;
        expect(kind).toBe('Widget');
        expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(
          Number(events[0]!.object.metadata.resourceVersion),
        );
      });

      it('says 410 when the history is gone', async () => {
        const { widgets } = await bench.namespace();

        const events = await bench.api.watch(`${widgets}?watch=1&resourceVersion=1&timeoutSeconds=5`);

        expect(events).toEqual([
          {
            type: 'ERROR',
            object: expect.objectContaining({ kind: 'Status', code: 410, reason: 'Expired' }),
          },
        ]);
      });

      it('sends rows of a table', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        const events = await bench.api.watch(
          `${widgets}?watch=1&timeoutSeconds=20`,
          (seen) => seen.length === 1,
          undefined,
          TABLE,
        );

        expect(events[0]).toMatchObject({
          type: 'ADDED',
          object: { kind: 'Table', rows: [{ cells: ['one', null, null, 1, expect.any(String), null] }] },
        });
      });
    });

    describe('the kinds that the operator uses', () => {
      it('encodes what a Secret is given as text', async () => {
        const { core } = await bench.namespace();

        const created = await bench.api.post(`${core}/secrets`, {
          metadata: { name: 's' },
          stringData: { token: 'abc' },
          data: { other: 'eA==' },
        });
        const patched = await bench.api.patch(`${core}/secrets/s`, MERGE, { stringData: { token: 'xyz' } });

        expect(created).toMatchObject({
          code: 201,
          body: { type: 'Opaque', data: { token: 'YWJj', other: 'eA==' } },
        });
        expect(created.body).not.toHaveProperty('stringData');
        expect(patched.body.data).toEqual({ token: 'eHl6', other: 'eA==' });
      });

      it.each([
        ['values that are not base64', { data: { a: '!' } }, 400],
        ['keys with spaces', { data: { 'a b': '' } }, 422],
      ])('refuses a Secret with %s', async (_what, body, code) => {
        const { core } = await bench.namespace();

        expect((await bench.api.post(`${core}/secrets`, { metadata: { name: 's' }, ...body })).code).toBe(
          code,
        );
      });

      it('patches a Secret strategically', async () => {
        const { core } = await bench.namespace();
        await bench.api.post(`${core}/secrets`, {
          metadata: { name: 's', finalizers: ['a.b/c'] },
          data: { a: 'eA==' },
        });

        const { body } = await bench.api.patch(`${core}/secrets/s`, STRATEGIC, {
          metadata: { finalizers: ['d.e/f'] },
          data: { a: null, b: 'eQ==' },
        });
        await bench.api.patch(`${core}/secrets/s`, MERGE, { metadata: { finalizers: null } });

        expect(body.data).toEqual({ b: 'eQ==' });
        expect(new Set(body.metadata.finalizers)).toEqual(new Set(['a.b/c', 'd.e/f']));
      });

      it('keeps the microseconds of a Lease, and wants them', async () => {
        const { name } = await bench.namespace();
        const leases = `/apis/coordination.k8s.io/v1/namespaces/${name}/leases`;
        const lease = (renewTime: string) => ({
          metadata: { name: 'l' },
          spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime, leaseTransitions: 0 },
        });

        expect((await bench.api.post(leases, lease('2026-01-01T00:00:00Z'))).code).toBe(400);
        const { body } = await bench.api.post(leases, lease('2026-01-01T00:00:00.100000Z'));
        const taken = await bench.api.put(`${leases}/l`, {
          ...body,
          spec: { ...body.spec, holderIdentity: 'you' },
        });
        const late = await bench.api.put(`${leases}/l`, {
          ...body,
          spec: { ...body.spec, holderIdentity: 'me' },
        });

        expect(body.spec).toEqual(lease('2026-01-01T00:00:00.100000Z').spec);
        expect(taken.code).toBe(200);
        expect(late.code).toBe(409);
      });

      it('shows one event in both of its forms, and finds it by its object', async () => {
        const { name, core } = await bench.namespace();
        const events = `/apis/events.k8s.io/v1/namespaces/${name}/events`;
        const regarding = {
          apiVersion: `${bench.group}/v1`,
          kind: 'Widget',
          name: 'one',
          namespace: name,
          uid: 'u-1',
        };
        const selector = encodeURIComponent(
          `involvedObject.name=one,involvedObject.kind=Widget,involvedObject.uid=u-1`,
        );

        const created = await bench.api.post(events, {
          metadata: { name: 'e1' },
          eventTime: '2026-01-01T00:00:00.000001Z',
          reportingController: 'conformance.test/suite',
          reportingInstance: 'suite-1',
          action: 'Test',
          reason: 'Tested',
          type: 'Normal',
          note: 'all is well',
          regarding,
        });
        const found = await bench.api.get(`${core}/events?fieldSelector=${selector}`);
        const none = await bench.api.get(`${core}/events?fieldSelector=involvedObject.name=two`);
        const again = await bench.api.patch(`${events}/e1`, MERGE, {
          series: { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' },
        });

        expect(created).toMatchObject({ code: 201, body: { note: 'all is well', regarding } });
        expect(found.body.items).toEqual([
          expect.objectContaining({
            involvedObject: regarding,
            message: 'all is well',
            reason: 'Tested',
            reportingComponent: 'conformance.test/suite',
          }),
        ]);
        expect(none.body.items).toEqual([]);
        expect(again.body).toMatchObject({ note: 'all is well', series: { count: 2 } });
      });

      it('takes an event in its older form, too', async () => {
        const { name, core } = await bench.namespace();
        const involvedObject = { kind: 'Widget', name: 'one', namespace: name };

        const created = await bench.api.post(`${core}/events`, {
          metadata: { name: 'e1' },
          involvedObject,
          reason: 'Tested',
          message: 'all is well',
          type: 'Normal',
          source: { component: 'suite', host: 'here' },
          firstTimestamp: '2026-01-01T00:00:00Z',
          lastTimestamp: '2026-01-01T00:01:00Z',
          count: 3,
        });
        const again = await bench.api.patch(`${core}/events/e1`, MERGE, { count: 4 });
        const newer = await bench.api.get(`/apis/events.k8s.io/v1/namespaces/${name}/events/e1`);

        expect(created).toMatchObject({
          code: 201,
          body: { involvedObject, message: 'all is well', count: 3 },
        });
        expect(again).toMatchObject({ code: 200, body: { count: 4 } });
        expect(newer.body).toMatchObject({
          regarding: involvedObject,
          note: 'all is well',
          deprecatedSource: { component: 'suite', host: 'here' },
          deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
          deprecatedLastTimestamp: '2026-01-01T00:01:00Z',
          deprecatedCount: 4,
        });
      });

      it('refuses an event without what makes it one', async () => {
        const { name } = await bench.namespace();

        const { code, body } = await bench.api.post(`/apis/events.k8s.io/v1/namespaces/${name}/events`, {
          metadata: { name: 'e1' },
          regarding: { kind: 'Widget', name: 'one', namespace: name },
        });

        expect(code).toBe(422);
        expect(causesOf(body)).toContain('eventTime FieldValueRequired');
      });

      it('puts nothing into a namespace that is not there', async () => {
        expect(
          await bench.api.post('/api/v1/namespaces/not-there/configmaps', { metadata: { name: 'c' } }),
        ).toMatchObject({
          code: 404,
          body: { details: { name: 'not-there', kind: 'namespaces' } },
        });
      });

      it('keeps the namespaces that a cluster needs', async () => {
        expect(await bench.api.delete('/api/v1/namespaces/default')).toMatchObject({
          code: 403,
          body: { reason: 'Forbidden' },
        });
      });
    });

    describe('what it does not serve', () => {
      it('is a 404 in plain text, in a group of custom resources', async () => {
        const { name } = await bench.namespace();
        const served = `/apis/${bench.group}/v1`;

        for (const path of ['/nothings', `/namespaces/${name}/nothings/one`, '/widgets/without-namespace']) {
          expect(await bench.api.get(`${served}${path}`)).toMatchObject({
            code: 404,
            body: '404 page not found\n',
            headers: { 'content-type': 'text/plain; charset=utf-8' },
          });
        }
      });

      it.each(['', '/v1', '/v1/things', '/v1/namespaces/default/things/one'])(
        'is a 404 without a Status, in a group that nobody defined: /apis/no.such.group%s',
        async (path) => {
          const { code, body } = await bench.api.get(`/apis/no.such.group${path}`);

          // Older servers answer with a list of their paths, today's with the plain text.
          expect({ code, kind: body.kind }).toEqual({ code: 404, kind: undefined });
        },
      );

      it('is a 404 without a Status, outside of all groups', async () => {
        const { code, body } = await bench.api.get('/nowhere');

        expect({ code, kind: body.kind }).toEqual({ code: 404, kind: undefined });
      });

      it.each(['/api/v1/nothings', '/api/v2/secrets', '/apis/coordination.k8s.io/v9/leases'])(
        'is a Status that names no object, in a built-in group: %s',
        async (path) => {
          expect(await bench.api.get(path)).toMatchObject({
            code: 404,
            body: { kind: 'Status', reason: 'NotFound', details: {} },
          });
        },
      );

      it('is a Status about the object, for a subresource of a custom resource', async () => {
        const { widgets } = await bench.namespace();
        await bench.api.post(widgets, bench.widget('one'));

        expect(await bench.api.get(`${widgets}/one/nothing`)).toMatchObject({
          code: 404,
          body: { kind: 'Status', reason: 'NotFound', details: { name: 'one', kind: 'widgets' } },
        });
      });
    });

    it('answers a method that makes no sense with a 405', async () => {
      const { core } = await bench.namespace();

      expect(await bench.api.put(`${core}/secrets`, {})).toMatchObject({
        code: 405,
        body: { reason: 'MethodNotAllowed' },
      });
    });
  },
);
